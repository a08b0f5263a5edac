package facemask.app

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Rect
import android.graphics.RectF
import java.io.ByteArrayOutputStream
import java.util.zip.ZipFile

/** The generated faces that come with the repository, each class in its turn. */
val FACES: List<Bitmap> by lazy {
    ZipFile("../../data/demo.zip").use { archive ->
        val names = archive.entries().asSequence().map { it.name }.filter { it.endsWith(".jpg") }.toList()
        val classes = names.groupBy { it.substringBeforeLast('/') }.values.map { it.take(5) }
        (0 until 5).flatMap { i -> classes.map { it[i] } }.map {
            BitmapFactory.decodeStream(archive.getInputStream(archive.getEntry(it)))
        }
    }
}

/** A photo of some faces in a row; [light] tells photos apart. */
fun photograph(faces: Int, width: Int = 800, height: Int = 600, light: Int = 140): Bitmap {
    val photo = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888)
    val canvas = Canvas(photo).apply { drawColor(Color.rgb(light - 30, light, light + 20)) }
    val side = minOf(height * 0.5f, width * 0.8f / maxOf(1, faces))
    for (i in 0 until faces) {
        val left = (i + 0.5f) * width / faces - side / 2
        val top = (height - side) / 2 + (i % 2 - 0.5f) * side / 5
        val face = FACES[i]
        canvas.drawBitmap(face, Rect(0, 0, face.width, face.height), RectF(left, top, left + side, top + side), null)
    }
    return photo
}

fun jpeg(photo: Bitmap): ByteArray =
    ByteArrayOutputStream().also { photo.compress(Bitmap.CompressFormat.JPEG, 95, it) }.toByteArray()
