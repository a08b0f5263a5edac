package facemask.inference

import kotlin.math.exp
import kotlin.math.floor
import kotlin.math.max
import kotlin.math.min
import org.json.JSONObject

/** A face: its box in pixels of the picture, and its score, 0-1. */
data class Face(
    val left: Double,
    val top: Double,
    val right: Double,
    val bottom: Double,
    val score: Double,
) {
    val width get() = max(0.0, right - left)
    val height get() = max(0.0, bottom - top)
    val area get() = width * height

    /** Return the intersection over union of two boxes, 0-1. */
    fun overlap(other: Face): Double {
        val shared = Face(
            max(left, other.left), max(top, other.top), min(right, other.right), min(bottom, other.bottom), score,
        ).area
        return shared / (area + other.area - shared)
    }

    /** Return the part of the picture around the face that a training image would show. */
    fun crop(margins: CropMargins, frame: Box): Box {
        val side = margins.scale * (width + height) / 2
        val x = (left + right) / 2
        val y = (top + bottom) / 2 - margins.up * side
        val cropLeft = floor(x - side / 2 + 0.5).toInt().coerceIn(0, frame.right - 1)
        val cropTop = floor(y - side / 2 + 0.5).toInt().coerceIn(0, frame.bottom - 1)
        val cropRight = floor(x + side / 2 + 0.5).toInt().coerceIn(cropLeft + 1, frame.right)
        val cropBottom = floor(y + side / 2 + 0.5).toInt().coerceIn(cropTop + 1, frame.bottom)
        return Box(cropLeft, cropTop, cropRight, cropBottom)
    }
}

/**
 * Finds faces with CenterFace, as `facemask/inference/detection.py` does.
 *
 * @param settings the content of `facemask/inference/face_finder.json`
 * @param network returns the map of a square, given the square's side and its RGB bytes
 */
class FaceDetector(settings: String, private val network: (Int, ByteArray) -> FloatArray) {
    private val constants = JSONObject(settings)
    private val sides = constants.getJSONArray("sides").run { List(length(), ::getInt) }
    private val minScore = constants.getDouble("min_score")
    private val sameFace = constants.getDouble("same_face")
    private val smallestFace = constants.getDouble("smallest_face")

    /** Return the faces in a picture, the largest first; the small ones only with `small`. */
    fun find(picture: Pixels, small: Boolean = true): List<Face> {
        val faces = sides.drop(if (small) 0 else 1).flatMap { look(picture, it) }
        return distinct(faces).sortedByDescending(Face::area)
    }

    /** Whether a face has too few pixels for a useful answer. */
    fun isTooSmall(face: Face) = min(face.width, face.height) < smallestFace

    /** Return the faces that the network finds in a square with the picture in its middle. */
    private fun look(picture: Pixels, side: Int): List<Face> {
        if (Thread.interrupted()) throw InterruptedException()
        val place = place(picture.width, picture.height, side)
        val resized = picture.resized(picture.fullFrame, place.width, place.height)
        val square = ByteArray(3 * side * side)
        for (row in 0 until place.height) {
            val start = 3 * ((place.top + row) * side + place.left)
            resized.rgb.copyInto(square, start, 3 * place.width * row, 3 * place.width * (row + 1))
        }
        val map = network(side, square)
        val x = { edge: Double ->
            ((edge - place.left) * picture.width / place.width).coerceIn(0.0, picture.width.toDouble())
        }
        val y = { edge: Double ->
            ((edge - place.top) * picture.height / place.height).coerceIn(0.0, picture.height.toDouble())
        }
        val cells = (0 until map.size / NUMBERS).filter { map[NUMBERS * it] >= minScore }
        return cells.map { cell ->
            val (score, dx, dy, logWidth, logHeight) = List(NUMBERS) { map[NUMBERS * cell + it].toDouble() }
            val columns = side / STRIDE
            val centreX = cell % columns * STRIDE + dx
            val centreY = cell / columns * STRIDE + dy
            val width = exp(logWidth)
            val height = exp(logHeight)
            Face(
                x(centreX - width / 2),
                y(centreY - height / 2),
                x(centreX + width / 2),
                y(centreY + height / 2),
                score,
            )
        }.filter { it.area > 0 }
    }

    /** Return the place of a picture of this width and height in a square: whole, in its middle. */
    internal fun place(width: Int, height: Int, side: Int): Box {
        val scale = side.toDouble() / max(width, height)
        val toWidth = max(1, (width * scale + 0.5).toInt())
        val toHeight = max(1, (height * scale + 0.5).toInt())
        val left = (side - toWidth) / 2
        val top = (side - toHeight) / 2
        return Box(left, top, left + toWidth, top + toHeight)
    }

    /** Return the surest of the boxes of each face. */
    private fun distinct(faces: List<Face>): List<Face> =
        faces.sortedByDescending(Face::score).fold(emptyList()) { kept, face ->
            if (kept.any { it.overlap(face) >= sameFace }) kept else kept + face
        }

    private companion object {
        /** Pixels of the square between the centres of two cells. */
        const val STRIDE = 4

        /** Numbers of a cell: score, offset across and down, logarithms of width and height. */
        const val NUMBERS = 5
    }
}
