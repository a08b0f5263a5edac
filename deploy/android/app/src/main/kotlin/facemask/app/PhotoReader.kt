package facemask.app

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.ColorSpace
import android.graphics.Matrix
import android.media.ExifInterface
import facemask.inference.Pixels
import java.io.File
import kotlin.math.max

/** A picture cannot be shown; the message is a string resource. */
class BadPicture(val messageId: Int) : Exception()

/** Longer side from which a photo is read at half its size, a quarter and so on. */
private const val MAX_SIDE = 4096

/** Longer side of the copy of a photo that is shown. */
private const val SHOWN_SIDE = 1600

/** Decode a photo as it is meant to be seen: upright, in sRGB, on white where it is transparent. */
fun readPicture(file: File): Bitmap {
    if (file.length() == 0L) throw BadPicture(R.string.empty_file)
    val options = BitmapFactory.Options().apply { inJustDecodeBounds = true }
    BitmapFactory.decodeFile(file.path, options)
    options.apply {
        inJustDecodeBounds = false
        inSampleSize = 1
        while (max(outWidth, outHeight) / inSampleSize > MAX_SIDE) inSampleSize *= 2
        inPreferredColorSpace = ColorSpace.get(ColorSpace.Named.SRGB)
    }
    try {
        val stored = BitmapFactory.decodeFile(file.path, options) ?: throw BadPicture(R.string.not_a_picture)
        return opaque(upright(stored, orientation(file)))
    } catch (_: OutOfMemoryError) {
        throw BadPicture(R.string.too_large)
    }
}

private fun orientation(file: File): Int = try {
    ExifInterface(file.path).getAttributeInt(ExifInterface.TAG_ORIENTATION, ExifInterface.ORIENTATION_NORMAL)
} catch (_: Exception) { // a damaged block of EXIF fails in many ways; the picture is shown as it is
    ExifInterface.ORIENTATION_NORMAL
}

private fun upright(stored: Bitmap, orientation: Int): Bitmap {
    val matrix = Matrix()
    when (orientation) {
        ExifInterface.ORIENTATION_ROTATE_180, ExifInterface.ORIENTATION_FLIP_VERTICAL -> matrix.postRotate(180f)
        ExifInterface.ORIENTATION_ROTATE_90, ExifInterface.ORIENTATION_TRANSPOSE -> matrix.postRotate(90f)
        ExifInterface.ORIENTATION_ROTATE_270, ExifInterface.ORIENTATION_TRANSVERSE -> matrix.postRotate(270f)
    }
    when (orientation) {
        ExifInterface.ORIENTATION_FLIP_HORIZONTAL,
        ExifInterface.ORIENTATION_FLIP_VERTICAL,
        ExifInterface.ORIENTATION_TRANSVERSE,
        ExifInterface.ORIENTATION_TRANSPOSE,
        -> matrix.postScale(-1f, 1f)
    }
    return Bitmap.createBitmap(stored, 0, 0, stored.width, stored.height, matrix, false)
}

private fun opaque(picture: Bitmap): Bitmap {
    if (!picture.hasAlpha()) return picture
    val white = Bitmap.createBitmap(picture.width, picture.height, Bitmap.Config.ARGB_8888)
    Canvas(white).apply {
        drawColor(Color.WHITE)
        drawBitmap(picture, 0f, 0f, null)
    }
    return white
}

fun pixelsOf(picture: Bitmap): Pixels {
    val rgb = ByteArray(3 * picture.width * picture.height)
    val row = IntArray(picture.width)
    var to = 0
    for (y in 0 until picture.height) {
        picture.getPixels(row, 0, picture.width, 0, y, picture.width, 1)
        for (colour in row) {
            rgb[to++] = (colour shr 16).toByte()
            rgb[to++] = (colour shr 8).toByte()
            rgb[to++] = colour.toByte()
        }
    }
    return Pixels(picture.width, picture.height, rgb)
}

fun bitmapOf(pixels: Pixels): Bitmap {
    val colours = IntArray(pixels.width * pixels.height) { i ->
        val (red, green, blue) = List(3) { pixels.rgb[3 * i + it].toInt() and 255 }
        Color.rgb(red, green, blue)
    }
    return Bitmap.createBitmap(colours, pixels.width, pixels.height, Bitmap.Config.ARGB_8888)
}

/** A copy that is no larger than screens are. */
fun shown(picture: Bitmap): Bitmap {
    val scale = SHOWN_SIDE.toFloat() / max(picture.width, picture.height)
    if (scale >= 1) return picture
    val width = max(1, (picture.width * scale).toInt())
    val height = max(1, (picture.height * scale).toInt())
    return Bitmap.createScaledBitmap(picture, width, height, true)
}
