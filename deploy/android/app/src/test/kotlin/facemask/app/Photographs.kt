package facemask.app

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.graphics.RectF
import java.io.ByteArrayOutputStream
import java.util.zip.ZipFile

/** Generated faces of the repository that the face finder finds at each size, both classes in turn. */
private val FACES: List<Bitmap> by lazy {
    ZipFile("../../data/demo.zip").use { archive ->
        listOf("WithMask/face_0012", "WithoutMask/face_0469", "WithMask/face_0006").map {
            BitmapFactory.decodeStream(archive.getInputStream(archive.getEntry("$it.jpg")))
        }
    }
}

/** Return a photo of up to three people, two in a row. */
fun photograph(people: Int, width: Int = 800, height: Int = 700): Bitmap {
    val photo = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888)
    val canvas = Canvas(photo).apply { drawColor(Color.rgb(110, 140, 160)) }
    val columns = minOf(2, maxOf(1, people))
    val rows = (people + columns - 1) / columns
    for (i in 0 until people) {
        val (cellWidth, cellHeight) = width.toFloat() / columns to height.toFloat() / rows
        val side = minOf(cellWidth, cellHeight) * 0.8f
        val left = i % columns * cellWidth + (cellWidth - side) / 2
        val top = i / columns * cellHeight + (cellHeight - side) / 2
        canvas.drawBitmap(FACES[i], null, RectF(left, top, left + side, top + side), SMOOTH)
    }
    return photo
}

private val SMOOTH = Paint(Paint.FILTER_BITMAP_FLAG)

fun jpeg(photo: Bitmap): ByteArray =
    ByteArrayOutputStream().also { photo.compress(Bitmap.CompressFormat.JPEG, 95, it) }.toByteArray()
