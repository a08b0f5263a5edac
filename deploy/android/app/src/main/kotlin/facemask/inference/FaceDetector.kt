package facemask.inference

import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.exp
import kotlin.math.floor
import kotlin.math.max
import kotlin.math.min
import org.json.JSONObject

/** A face that was found: its box in pixels of the picture, and how sure the network is, 0-1. */
data class Face(
    val left: Double,
    val top: Double,
    val right: Double,
    val bottom: Double,
    val score: Double,
) {
    val side get() = (right - left + bottom - top) / 2
    val area get() = max(0.0, right - left) * max(0.0, bottom - top)

    fun shared(other: Face) = Face(
        max(left, other.left), max(top, other.top), min(right, other.right), min(bottom, other.bottom), 0.0,
    ).area

    /** Between the centres, across or down, whichever is more. */
    fun distance(other: Face) = max(
        abs(left + right - other.left - other.right) / 2,
        abs(top + bottom - other.top - other.bottom) / 2,
    )

    /** The part of the picture around the face that a training image would show. */
    fun crop(margins: CropMargins, frame: Box): Box {
        val side = margins.scale * this.side
        val x = (left + right) / 2
        val y = (top + bottom) / 2 - margins.up * side
        val first = { centre: Double, end: Int -> floor(centre - side / 2 + 0.5).toInt().coerceIn(0, end - 1) }
        val last = { centre: Double, end: Int -> min(end, floor(centre + side / 2 + 0.5).toInt()) }
        val (cropLeft, cropTop) = first(x, frame.right) to first(y, frame.bottom)
        return Box(
            cropLeft,
            cropTop,
            max(last(x, frame.right), cropLeft + 1),
            max(last(y, frame.bottom), cropTop + 1),
        )
    }
}

/** The network's answer to a view: four numbers of each anchor's box, and its logit. */
class RawFaces(val boxes: FloatArray, val stride: Int, val logits: FloatArray)

/**
 * BlazeFace, looked through at the full frame and at overlapping tiles of it, step by step as in
 * `facemask/inference/detection.py`.
 *
 * @param settings the content of `facemask/inference/face_detector.json`
 * @param network answers to RGB pixels, -1 to 1, of a square of `input_size`
 */
class FaceDetector(settings: String, private val network: (FloatArray) -> RawFaces) {
    private val constants = JSONObject(settings)
    private val size = constants.getInt("input_size")
    private val minScore = constants.getDouble("min_score")
    private val tiles = pairs("tiles")
    private val tileMinScore = constants.getDouble("tile_min_score")
    private val sameFace = constants.getDouble("same_face")
    private val inside = constants.getDouble("inside")
    private val beside = constants.getDouble("beside")

    /** The centre of each predicted box's cell, 0-1, in the network's order. */
    internal val anchors: List<Pair<Double, Double>> =
        pairs("grids").flatMap { grid -> cells(grid.getInt(0), grid.getInt(1)) }

    /** Find the faces in a picture, the surest first; with `tiles`, small ones too. */
    fun find(picture: Pixels, tiles: Boolean = true): List<Face> {
        val frame = picture.fullFrame
        val seen = (if (tiles) views(frame) else listOf(frame)).flatMap { look(picture, it) }
        return apart(merged(seen))
    }

    /** Find faces in a part of the picture. */
    private fun look(picture: Pixels, view: Box): List<Face> {
        if (Thread.interrupted()) throw InterruptedException()
        val scale = size.toDouble() / max(view.width, view.height)
        val width = max(1, (view.width * scale + 0.5).toInt())
        val height = max(1, (view.height * scale + 0.5).toInt())
        val (left, top) = (size - width) / 2 to (size - height) / 2
        val scaled = picture.resized(view, width, height)
        val input = FloatArray(3 * size * size) { -1f }
        for (y in 0 until height) {
            for (x in 0 until 3 * width) {
                val value = scaled.rgb[3 * y * width + x].toInt() and 255
                input[3 * ((top + y) * size + left) + x] = value / 127.5f - 1
            }
        }
        val raw = network(input)
        val least = if (view == picture.fullFrame) minScore else tileMinScore
        return anchors.indices.mapNotNull { i ->
            val score = 1 / (1 + exp(-raw.logits[i].toDouble()))
            if (score < least) return@mapNotNull null
            val (x, y, w, h) = List(4) { raw.boxes[raw.stride * i + it].toDouble() }
            val (centreX, centreY) = x + anchors[i].first * size - left to y + anchors[i].second * size - top
            Face(
                (centreX - w / 2) / scale + view.left,
                (centreY - h / 2) / scale + view.top,
                (centreX + w / 2) / scale + view.left,
                (centreY + h / 2) / scale + view.top,
                score,
            )
        }.filter { it.isUncut(view, picture.fullFrame) }
    }

    /** The full frame and, where it is large enough, tiles that overlap by half. */
    internal fun views(frame: Box): List<Box> {
        val longer = max(frame.width, frame.height)
        return listOf(frame) + tiles.flatMap { tile ->
            val side = (longer * tile.getDouble(0)).toInt()
            if (side < tile.getInt(1)) emptyList() else squares(frame, side)
        }
    }

    private fun squares(frame: Box, side: Int) = starts(frame.height, side).flatMap { top ->
        starts(frame.width, side).map { left ->
            Box(left, top, min(frame.right, left + side), min(frame.bottom, top + side))
        }
    }

    /** One box, their mean weighted by score, of those that show the same face. */
    private fun merged(found: List<Face>): List<Face> {
        val merged = mutableListOf<Face>()
        var left = found
        while (left.isNotEmpty()) {
            val best = left.maxBy(Face::score)
            val (same, others) = left.partition {
                val shared = best.shared(it)
                it === best || shared / (best.area + it.area - shared) > sameFace
            }
            val weight = same.sumOf(Face::score)
            val mean = { edge: (Face) -> Double -> same.sumOf { edge(it) * it.score } / weight }
            merged += Face(mean(Face::left), mean(Face::top), mean(Face::right), mean(Face::bottom), best.score)
            left = others.filter { best.shared(it) / min(best.area, it.area) <= inside }
        }
        return merged
    }

    /** The faces without those that are parts of a surer one's person. */
    private fun apart(faces: List<Face>): List<Face> = faces.fold(emptyList()) { apart, face ->
        val isPart = apart.any { face.side < it.side && face.distance(it) < beside * it.side }
        if (isPart) apart else apart + face
    }

    private fun pairs(name: String) = constants.getJSONArray(name).let { List(it.length(), it::getJSONArray) }

    private fun cells(side: Int, boxes: Int) = List(side * side * boxes) { i ->
        val cell = i / boxes
        (cell % side + 0.5) / side to (cell / side + 0.5) / side
    }

    private fun starts(length: Int, side: Int): List<Int> {
        if (length <= side) return listOf(0)
        val steps = ceil(2.0 * (length - side) / side).toInt()
        return List(steps + 1) { (it.toDouble() * (length - side) / steps + 0.5).toInt() }
    }

    /** Whether a face is not cut by an edge of the view within the picture. */
    private fun Face.isUncut(view: Box, frame: Box) =
        (left > view.left || view.left == 0) &&
            (top > view.top || view.top == 0) &&
            (right < view.right || view.right == frame.right) &&
            (bottom < view.bottom || view.bottom == frame.bottom)
}
