package facemask.inference

import kotlin.random.Random
import org.json.JSONArray
import org.json.JSONObject
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** The same as in Python, step by step. */
class InferenceTest {
    @Test
    fun `resizes to the same bytes`() {
        for (case in golden("resize")) {
            val picture = Pixels(case.getInt("width"), case.getInt("height"), case.bytes("rgb"))
            val (width, height) = case.getJSONArray("to").numbers().map(Double::toInt)
            val resized = picture.resized(case.getJSONArray("box").box(), width, height)
            assertArrayEquals(case.bytes("resized"), resized.rgb)
        }
    }

    @Test
    fun `reads a contract and refuses what Python refuses`() {
        for (case in golden("contract")) {
            val (name, file) = case.getString("name") to case.bytes("file")
            if (case.isNull("refused")) {
                val expected = case.getJSONObject("contract")
                val contract = Contract.read(file)
                assertEquals(listOf("WithMask", "WithoutMask"), contract.labels)
                assertEquals(expected.getDouble("threshold"), contract.threshold, 0.0)
                assertEquals(expected.getJSONObject("input").getInt("side"), contract.side)
                assertEquals(expected.getJSONObject("input").getJSONObject("crop").margins(), contract.crop)
            } else {
                val refused = assertThrows(name, ModelRefused::class.java) { Contract.read(file) }
                assertEquals(name, case.getString("refused"), refused.reason.name.lowercase())
            }
        }
    }

    @Test
    fun `refuses a file of which any byte is another`() {
        val file = golden("contract").first().bytes("file")
        val random = Random(0)
        repeat(DAMAGES) {
            val damaged = file.copyOf()
            val at = random.nextInt(file.size)
            damaged[at] = (damaged[at].toInt() xor random.nextInt(1, 256)).toByte()
            val refused = assertThrows("byte $at", ModelRefused::class.java) { Contract.read(damaged) }
            assertTrue("byte $at", refused.reason in setOf(ModelRefused.Reason.DAMAGED, ModelRefused.Reason.VERSION))
        }
    }

    @Test
    fun `looks at the same views through the same anchors`() {
        val detector = FaceDetector(FACE_DETECTOR) { error("no network") }
        for (case in golden("views")) {
            val (width, height) = case.getInt("width") to case.getInt("height")
            val seen = detector.levels(Pixels(width, height, ByteArray(0)))
            val expected = case.objects("levels")
            assertEquals(expected.map { it.level() }, seen)
            val tiles = expected.map { it.getJSONArray("tiles").run { List(length()) { i -> getJSONArray(i).box() } } }
            assertEquals(tiles, seen.map { detector.tiles(it.width, it.height) })
        }
        for (case in golden("anchors")) {
            assertEquals(case.getDouble("x") to case.getDouble("y"), detector.anchors[case.getInt("index")])
        }
    }

    @Test
    fun `makes the same faces of what the network answers`() {
        for (case in golden("detection")) {
            val (width, height) = case.getInt("width") to case.getInt("height")
            val picture = Pixels(width, height, ByteArray(3 * width * height))
            val views = case.getJSONArray("views").run { List(length(), ::getJSONArray) }
            val answers = views.map(::rawFaces).iterator()
            val faces = FaceDetector(FACE_DETECTOR) { answers.next() }.find(picture)
            assertSame(case, case.objects("faces"), faces)
            val crops = case.getJSONArray("crops").run { List(length()) { getJSONArray(it).box() } }
            val margins = case.getJSONObject("crop").margins()
            assertEquals(crops, faces.map { it.crop(margins, picture.fullFrame) })
        }
    }

    private fun JSONObject.level(): FaceDetector.Level {
        val (width, height) = getJSONArray("size").numbers().map(Double::toInt)
        return FaceDetector.Level(width, height, getInt("weight"))
    }

    private fun rawFaces(view: JSONArray): RawFaces {
        val boxes = FloatArray(4 * ANCHORS)
        val logits = FloatArray(ANCHORS) { UNSEEN }
        for (answer in List(view.length(), view::getJSONObject)) {
            val index = answer.getInt("index")
            val box = answer.getJSONArray("box").numbers()
            box.forEachIndexed { i, number -> boxes[4 * index + i] = number.toFloat() }
            logits[index] = answer.getDouble("logit").toFloat()
        }
        return RawFaces(boxes, 4, logits)
    }

    private fun assertSame(case: JSONObject, expected: List<JSONObject>, faces: List<Face>) {
        val name = case.getString("name")
        assertEquals(name, expected.size, faces.size)
        for ((one, face) in expected.zip(faces)) {
            val box = one.getJSONArray("box").numbers()
            val same = listOf(face.left, face.top, face.right, face.bottom)
            assertArrayEquals(name, box.toDoubleArray(), same.toDoubleArray(), 0.001)
            assertEquals(name, one.getDouble("score"), face.score, 0.00001)
        }
    }

    private companion object {
        const val ANCHORS = 896
        const val UNSEEN = -20f
        const val DAMAGES = 200
    }
}
