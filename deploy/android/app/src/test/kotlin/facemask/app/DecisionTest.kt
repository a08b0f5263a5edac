package facemask.app

import facemask.inference.Answer
import facemask.inference.Box
import facemask.inference.FaceAnswer
import facemask.inference.box
import facemask.inference.bytes
import facemask.inference.objects
import java.io.File
import kotlin.math.abs
import org.json.JSONArray
import org.json.JSONObject
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment

/**
 * The same pixels and decisions as in Python, from the file to the answer, on the pictures of
 * `tests/test_android.py`, which hands over their folder; it writes a table of both.
 */
@RunWith(RobolectricTestRunner::class)
class DecisionTest {
    private val folder = System.getenv("FACEMASK_CASES")?.let(::File)
    private val photos get() = (RuntimeEnvironment.getApplication() as App).photos

    @Test
    fun `same pixels`() {
        for (case in cases().filter { it.has("resized") }) {
            val side = photos.classifier.contract.side
            val picture = pixelsOf(readPicture(case.file))
            val ours = picture.resized(picture.fullFrame, side, side).rgb
            val off = ours.zip(case.bytes("resized")) { a, b -> abs((a.toInt() and 255) - (b.toInt() and 255)) }
            assertTrue("${case.file}: off by ${off.max()}", off.max() <= 1)
            assertTrue("${case.file}: ${off.count { it > 0 }} values", off.count { it > 0 } <= off.size / 100)
        }
    }

    @Test
    fun `same faces and decisions`() {
        val cases = cases()
        val table = File(folder, "decisions.csv").apply { writeText("file,python,app,pixels,distance\n") }
        for (case in cases) {
            val expected = case.objects("answers")
            val answers = answered(case).toMutableList()
            assertEquals("${case.file}: faces", expected.size, answers.size)
            for (theirs in expected) {
                val box = theirs.getJSONArray("box").box()
                val ours = answers.minBy { it.box.distance(box) }
                answers.remove(ours)
                val pixels = ours.box.distance(box)
                val distance = abs(theirs.getDouble("second") - second(ours.answer))
                val labels = "${theirs.getString("label")},${ours.answer?.label ?: "too small"}"
                table.appendText("${case.file.name},$labels,$pixels,$distance\n")
            }
        }
    }

    /** The largest distance of two boxes' edges, in pixels. */
    private fun Box.distance(other: Box) = listOf(
        left - other.left, top - other.top, right - other.right, bottom - other.bottom,
    ).maxOf(::abs)

    private fun answered(case: JSONObject): List<FaceAnswer> {
        val picture = pixelsOf(readPicture(case.file))
        return if (case.has("resized")) listOf(photos.answerFullFrame(picture)) else photos.answer(picture)
    }

    /** The probability of the second class; 0 without an answer, as in `cases.json`. */
    private fun second(answer: Answer?): Double = when (answer?.label) {
        null -> 0.0
        photos.classifier.contract.labels[1] -> answer.probability
        else -> 1 - answer.probability
    }

    private val JSONObject.file get() = File(folder, getString("file"))

    private fun cases(): List<JSONObject> {
        assumeTrue("FACEMASK_CASES is not set", folder != null)
        return JSONArray(File(folder, "cases.json").readText()).run { List(length(), ::getJSONObject) }
    }
}
