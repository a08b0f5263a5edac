package facemask.inference

import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.exp
import kotlin.math.floor
import kotlin.math.max
import kotlin.math.min
import org.json.JSONObject

/** A face: its box in pixels of the picture, and how sure it is, 0-1: in one view or in all. */
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
 * BlazeFace, looked through at the full frame and, enlarged, at overlapping tiles of it, as in
 * `facemask/inference/detection.py`.
 *
 * @param settings the content of `facemask/inference/face_detector.json`
 * @param network answers to RGB pixels, -1 to 1, of a square of `input_size`
 */
class FaceDetector(settings: String, private val network: (FloatArray) -> RawFaces) {
    private val constants = JSONObject(settings)
    private val size = constants.getInt("input_size")
    private val zooms = constants.getJSONArray("zooms").run { List(length(), ::getJSONObject) }
    private val viewScore = constants.getDouble("view_score")
    private val boxScore = constants.getDouble("box_score")
    private val minScore = constants.getDouble("min_score")
    private val sameFace = constants.getDouble("same_face")
    private val inside = constants.getDouble("inside")
    private val beside = constants.getDouble("beside")

    /** The centre of each predicted box's cell, 0-1, in the network's order. */
    internal val anchors: List<Pair<Double, Double>> =
        pairs("grids").flatMap { grid -> cells(grid.getInt(0), grid.getInt(1)) }

    /** A size at which a picture is looked at, and how much a view of it counts. */
    internal data class Level(val width: Int, val height: Int, val weight: Int)

    /** What the network gave in a view, and how much that counts. */
    private class View(val found: List<Face>, val weight: Int)

    /** Find the faces in a picture, the surest first; with `small`, small ones too. */
    fun find(picture: Pixels, small: Boolean = true): List<Face> {
        var pixels = picture
        val views = levels(picture).take(if (small) zooms.size else 1).reversed().flatMap { level ->
            pixels = pixels.resized(pixels.fullFrame, level.width, level.height) // each of the larger one before
            val across = picture.width.toDouble() / level.width
            val down = picture.height.toDouble() / level.height
            tiles(level.width, level.height).map { tile ->
                val found = look(pixels, tile).map {
                    Face(it.left * across, it.top * down, it.right * across, it.bottom * down, it.score)
                }
                View(found, level.weight)
            }
        }
        return apart(merged(views).filter { it.score >= minScore }.sortedByDescending(Face::score))
    }

    /** Find faces in a tile of a level, in the level's pixels; outside it is black. */
    private fun look(level: Pixels, tile: Box): List<Face> {
        if (Thread.interrupted()) throw InterruptedException()
        val input = FloatArray(3 * size * size) { -1f }
        for (y in max(0, tile.top) until min(level.height, tile.bottom)) {
            val to = 3 * ((y - tile.top) * size - tile.left)
            for (x in 3 * max(0, tile.left) until 3 * min(level.width, tile.right)) {
                input[to + x] = (level.rgb[3 * y * level.width + x].toInt() and 255) / 127.5f - 1
            }
        }
        val raw = network(input)
        return anchors.indices.mapNotNull { i ->
            val score = 1 / (1 + exp(-raw.logits[i].toDouble()))
            if (score < viewScore) return@mapNotNull null
            val (dx, dy, w, h) = List(4) { raw.boxes[raw.stride * i + it].toDouble() }
            val (x, y) = dx + anchors[i].first * size + tile.left to dy + anchors[i].second * size + tile.top
            Face(x - w / 2, y - h / 2, x + w / 2, y + h / 2, score)
        }.filter { it.isUncut(tile, level.fullFrame) }
    }

    /** The sizes at which a picture is looked at, the smallest first. */
    internal fun levels(picture: Pixels): List<Level> {
        val longer = max(picture.width, picture.height)
        return zooms.filter { longer >= it.getInt("least_side") }.map { zoom ->
            val scale = size * zoom.getDouble("scale") / longer
            val side = { length: Int -> max(1, (length * scale + 0.5).toInt()) }
            Level(side(picture.width), side(picture.height), zoom.getInt("weight"))
        }
    }

    /** Squares of the network's size, which overlap by half, or the one around all of a level. */
    internal fun tiles(width: Int, height: Int) = starts(height).flatMap { top ->
        starts(width).map { left -> Box(left, top, left + size, top + size) }
    }

    /** One box, the mean of the sure ones weighted by score, of those of all views that show the same face. */
    private fun merged(views: List<View>): List<Face> {
        val merged = mutableListOf<Face>()
        var left = views.flatMap { view -> view.found.map { it to view } }
        while (left.isNotEmpty()) {
            val (best, _) = left.maxBy { (face, _) -> face.score }
            val (same, others) = left.partition { (face, _) ->
                val shared = best.shared(face)
                face === best || shared / (best.area + face.area - shared) > sameFace
            }
            val sure = same.map { (face, _) -> face }.filter { it === best || it.score >= boxScore }
            val weight = sure.sumOf(Face::score)
            val mean = { edge: (Face) -> Double -> sure.sumOf { edge(it) * it.score } / weight }
            val ofViews = same.groupBy({ (_, view) -> view }, { (face, _) -> face.score })
            val evidence = best.score * ofViews.entries.sumOf { (view, scores) -> view.weight * scores.max() }
            val score = evidence / (1 - best.score + evidence)
            merged += Face(mean(Face::left), mean(Face::top), mean(Face::right), mean(Face::bottom), score)
            left = others.filter { (face, _) -> best.shared(face) / min(best.area, face.area) <= inside }
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

    private fun starts(length: Int): List<Int> {
        if (length <= size) return listOf(-((size - length) / 2))
        val steps = ceil(2.0 * (length - size) / size).toInt()
        return List(steps + 1) { (it.toDouble() * (length - size) / steps + 0.5).toInt() }
    }

    /** Whether a face is not cut by an edge of the tile within the level. */
    private fun Face.isUncut(tile: Box, level: Box) =
        (left > tile.left || tile.left <= 0) &&
            (top > tile.top || tile.top <= 0) &&
            (right < tile.right || tile.right >= level.right) &&
            (bottom < tile.bottom || tile.bottom >= level.bottom)
}
