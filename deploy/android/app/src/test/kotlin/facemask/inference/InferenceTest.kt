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
    fun `puts pictures at the same places in the squares`() {
        val detector = FaceDetector(FACE_FINDER) { _, _ -> error("no network") }
        for (case in golden("placement")) {
            val (width, height) = case.getJSONArray("size").numbers().map(Double::toInt)
            val left = case.getInt("left")
            val top = case.getInt("top")
            val place = detector.place(case.getInt("width"), case.getInt("height"), case.getInt("side"))
            assertEquals(Box(left, top, left + width, top + height), place)
        }
    }

    @Test
    fun `makes the same faces of what the network answers`() {
        for (case in golden("detection")) {
            val (width, height) = case.getInt("width") to case.getInt("height")
            val picture = Pixels(width, height, ByteArray(3 * width * height))
            val looks = case.getJSONArray("looks").run { List(length(), ::getJSONArray) }.iterator()
            val faces = FaceDetector(FACE_FINDER) { side, _ -> map(side, looks.next()) }.find(picture)
            assertSame(case, case.objects("faces"), faces)
            val crops = case.getJSONArray("crops").run { List(length()) { getJSONArray(it).box() } }
            val margins = case.getJSONObject("crop").margins()
            assertEquals(crops, faces.map { it.crop(margins, picture.fullFrame) })
        }
    }

    @Test
    fun `looks at the camera's frames in the small square alone`() {
        val sides = mutableListOf<Int>()
        val detector = FaceDetector(FACE_FINDER) { side, _ -> map(side, JSONArray()).also { sides += side } }
        detector.find(Pixels(40, 30, ByteArray(3600)), small = false)
        assertEquals(listOf(256), sides)
    }

    /** The network's answer to a square: the cells that the case lists, and zeros. */
    private fun map(side: Int, cells: JSONArray): FloatArray {
        val columns = side / STRIDE
        val map = FloatArray(columns * columns * NUMBERS)
        for (cell in List(cells.length(), cells::getJSONObject)) {
            val start = NUMBERS * (cell.getInt("row") * columns + cell.getInt("column"))
            cell.getJSONArray("numbers").numbers().forEachIndexed { i, number -> map[start + i] = number.toFloat() }
        }
        return map
    }

    private fun assertSame(case: JSONObject, expected: List<JSONObject>, faces: List<Face>) {
        val name = case.getString("name")
        assertEquals(name, expected.size, faces.size)
        for ((theirs, face) in expected.zip(faces)) {
            val box = theirs.getJSONArray("box").numbers()
            val same = listOf(face.left, face.top, face.right, face.bottom)
            assertArrayEquals(name, box.toDoubleArray(), same.toDoubleArray(), 0.001)
            assertEquals(name, theirs.getDouble("score"), face.score, 0.00001)
        }
    }

    private companion object {
        const val STRIDE = 4
        const val NUMBERS = 5
        const val DAMAGES = 200
    }
}
