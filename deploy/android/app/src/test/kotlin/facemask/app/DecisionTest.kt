package facemask.app

import facemask.inference.Answer
import facemask.inference.Found
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
    fun `same decisions`() {
        val cases = cases()
        val table = File(folder, "decisions.csv").apply { writeText("file,face,python,app,distance\n") }
        var (decisions, others) = 0 to 0
        for (case in cases) {
            val expected = case.objects("answers")
            val answers = answered(case)
            assertEquals("${case.file}: faces", expected.size, answers.size)
            expected.zip(answers).forEachIndexed { i, (theirs, ours) ->
                val python = Answer(theirs.getString("label"), theirs.getDouble("probability"))
                val (label, distance) = ours.answer.label to abs(second(python) - second(ours.answer))
                table.appendText("${case.file.name},$i,${python.label},$label,$distance\n")
                decisions++
                if (label != python.label) others++
                assertEquals("${case.file}: box", theirs.getJSONArray("box").box(), ours.box)
                assertTrue("${case.file}: off by $distance", distance <= FARTHEST)
            }
        }
        assertTrue("$others of $decisions decisions are others", 200 * others <= decisions)
    }

    private fun answered(case: JSONObject): List<Found> {
        val picture = pixelsOf(readPicture(case.file))
        return if (case.has("resized")) listOf(photos.answerFullFrame(picture)) else photos.answer(picture)
    }

    private fun second(answer: Answer) =
        answer.run { if (label == photos.classifier.contract.labels[1]) probability else 1 - probability }

    private val JSONObject.file get() = File(folder, getString("file"))

    private fun cases(): List<JSONObject> {
        assumeTrue("FACEMASK_CASES is not set", folder != null)
        return JSONArray(File(folder, "cases.json").readText()).run { List(length(), ::getJSONObject) }
    }

    private companion object {
        /** Between probabilities, as runtimes and processors round otherwise. */
        const val FARTHEST = 0.005
    }
}
