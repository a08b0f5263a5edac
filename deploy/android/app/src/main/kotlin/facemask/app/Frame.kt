package facemask.app

import android.media.Image
import facemask.inference.Pixels
import java.nio.ByteBuffer

/** One of the three planes of a camera's picture. */
class Plane(private val bytes: ByteBuffer, private val rowStride: Int, private val pixelStride: Int) {
    /** Copy a row; reading each byte out of the buffer would take several times as long. */
    fun row(y: Int, width: Int): ByteArray {
        val length = (width - 1) * pixelStride + 1
        val row = ByteArray(length)
        bytes.duplicate().apply { position(y * rowStride) }.get(row)
        return if (pixelStride == 1) row else ByteArray(width) { row[it * pixelStride] }
    }
}

fun pixelsOf(image: Image, turns: Int): Pixels {
    val (y, u, v) = image.planes.map { Plane(it.buffer, it.rowStride, it.pixelStride) }
    return pixelsOf(image.width, image.height, y, u, v, turns)
}

/**
 * A camera's picture in RGB, turned clockwise by a number of quarters.
 *
 * By the equations of JFIF 1.02, which Android's cameras keep to, in fixed point.
 */
fun pixelsOf(width: Int, height: Int, y: Plane, u: Plane, v: Plane, turns: Int): Pixels {
    val lying = turns % 2 == 1
    val (toWidth, toHeight) = if (lying) height to width else width to height
    val rgb = ByteArray(3 * width * height)
    val (right, down, first) = when (turns) {
        0 -> Triple(1, toWidth, 0)
        1 -> Triple(toWidth, -1, toWidth - 1)
        2 -> Triple(-1, -toWidth, toWidth * toHeight - 1)
        else -> Triple(-toWidth, 1, toWidth * (toHeight - 1))
    }
    for (row in 0 until height) {
        val light = y.row(row, width)
        val blueness = u.row(row / 2, (width + 1) / 2)
        val redness = v.row(row / 2, (width + 1) / 2)
        var to = first + row * down
        for (x in 0 until width) {
            val luma = ((light[x].toInt() and 255) shl 16) + HALF
            val cb = (blueness[x / 2].toInt() and 255) - 128
            val cr = (redness[x / 2].toInt() and 255) - 128
            rgb[3 * to] = clamped(luma + 91881 * cr)
            rgb[3 * to + 1] = clamped(luma - 22554 * cb - 46802 * cr)
            rgb[3 * to + 2] = clamped(luma + 116130 * cb)
            to += right
        }
    }
    return Pixels(toWidth, toHeight, rgb)
}

private const val HALF = 1 shl 15

private fun clamped(value: Int): Byte = (value shr 16).coerceIn(0, 255).toByte()
