package facemask.inference

import kotlin.math.abs
import kotlin.math.max
import kotlin.math.min

/** A part of a picture, in its pixels. */
data class Box(val left: Int, val top: Int, val right: Int, val bottom: Int) {
    val width get() = right - left
    val height get() = bottom - top
}

/** A picture: its rows from the top, three bytes a pixel, 0-255: red, green, blue. */
class Pixels(val width: Int, val height: Int, val rgb: ByteArray) {
    val fullFrame get() = Box(0, 0, width, height)

    /**
     * Stretch a part of the picture as `facemask/images.py` does, byte for byte: with Pillow's
     * bilinear filter, in fixed point as in its `Resample.c`.
     */
    fun resized(part: Box, toWidth: Int, toHeight: Int): Pixels {
        val columns = Triangle(part.width, toWidth)
        val rows = Triangle(part.height, toHeight)
        // Each pass rounds, so their order matters; Pillow goes down first where that saves most.
        val saved = part.height - toHeight
        return if (saved > 0 && saved > 2 * (part.width - toWidth)) {
            down(rows, part).run { across(columns, fullFrame) }
        } else {
            across(columns, part).run { down(rows, fullFrame) }
        }
    }

    private fun across(weights: Triangle, part: Box): Pixels {
        val result = ByteArray(3 * weights.size * part.height)
        var to = 0
        for (y in part.top until part.bottom) {
            for (x in 0 until weights.size) {
                var at = 3 * (y * width + part.left + weights.start[x])
                var red = HALF
                var green = HALF
                var blue = HALF
                for (weight in weights.values[x]) {
                    red += (rgb[at++].toInt() and 255) * weight
                    green += (rgb[at++].toInt() and 255) * weight
                    blue += (rgb[at++].toInt() and 255) * weight
                }
                result[to++] = (red shr PRECISION).toByte()
                result[to++] = (green shr PRECISION).toByte()
                result[to++] = (blue shr PRECISION).toByte()
            }
        }
        return Pixels(weights.size, part.height, result)
    }

    private fun down(weights: Triangle, part: Box): Pixels {
        val sums = IntArray(3 * part.width)
        val result = ByteArray(sums.size * weights.size)
        for (y in 0 until weights.size) {
            sums.fill(HALF)
            weights.values[y].forEachIndexed { k, weight ->
                val at = 3 * ((part.top + weights.start[y] + k) * width + part.left)
                for (x in sums.indices) sums[x] += (rgb[at + x].toInt() and 255) * weight
            }
            for (x in sums.indices) result[y * sums.size + x] = (sums[x] shr PRECISION).toByte()
        }
        return Pixels(part.width, weights.size, result)
    }

    private companion object {
        /** Bits after the point: 8 of a pixel, 2 to spare, and 22 make 32. */
        const val PRECISION = 22
        const val HALF = 1 shl (PRECISION - 1)
    }

    /**
     * The triangle filter: pixel `i` of the outcome is made of the pixels from `start[i]` on, by
     * the weights `values[i]`. Its support grows with the reduction (that is, it is antialiased).
     */
    private class Triangle(val start: IntArray, val values: Array<IntArray>) {
        val size get() = start.size

        companion object {
            operator fun invoke(from: Int, to: Int): Triangle {
                val scale = from.toDouble() / to
                val support = max(scale, 1.0)
                val start = IntArray(to)
                val values = Array(to) { i ->
                    val centre = (i + 0.5) * scale
                    start[i] = max(0, (centre - support + 0.5).toInt())
                    val end = min(from, (centre + support + 0.5).toInt())
                    val raw = DoubleArray(end - start[i]) { k ->
                        max(0.0, 1 - abs((start[i] + k - centre + 0.5) / support))
                    }
                    val sum = raw.sum()
                    IntArray(raw.size) { (raw[it] / sum * (1 shl PRECISION) + 0.5).toInt() }
                }
                return Triangle(start, values)
            }
        }
    }
}
