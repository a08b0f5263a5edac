package facemask.app

import android.app.Activity
import android.content.Context
import android.graphics.Typeface
import android.os.Bundle
import android.text.SpannableStringBuilder
import android.text.Spanned
import android.text.style.RelativeSizeSpan
import android.text.style.StyleSpan
import android.view.View
import android.widget.TextView
import java.text.NumberFormat
import org.json.JSONObject

/** Says what the model is, how good it is and what it must not be used for; the figures are its run's. */
class AboutActivity : Activity() {
    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        setContentView(R.layout.about)
        findViewById<View>(R.id.root).keepClearOfBars()
        val app = application as App
        val ingest = JSONObject(app.text("ingest.json"))
        val evaluation = JSONObject(app.text("evaluate.json"))
        findViewById<TextView>(R.id.text).text = SpannableStringBuilder().apply {
            append(getString(R.string.about_what)).append("\n\n")
            append(getString(R.string.about_trained, ingest.getString("source"), ingest.getString("description")))
            heading(R.string.about_measured)
            append(measured(evaluation))
            heading(R.string.about_limits)
            append(getString(R.string.about_not)).append("\n\n").append(getString(R.string.about_not_measured))
            heading(R.string.about_licences)
            append(unwrapped(app.text("licences.txt")))
        }
    }

    /** Join the lines of each paragraph, which a narrow screen breaks elsewhere. */
    private fun unwrapped(text: String): String = text.replace(Regex("(?<=\\S)\n *(?=\\w)"), " ")

    private fun SpannableStringBuilder.heading(id: Int) {
        append("\n\n")
        val start = length
        append(getString(id))
        for (style in listOf(StyleSpan(Typeface.BOLD), RelativeSizeSpan(HEADING))) {
            setSpan(style, start, length, Spanned.SPAN_EXCLUSIVE_EXCLUSIVE)
        }
        append("\n\n")
    }

    private companion object {
        const val HEADING = 1.2f
    }
}

/** Say how good the model is on each subset and on each external test set, in the order of the file. */
fun Context.measured(evaluation: JSONObject): String = evaluation.keys().asSequence()
    .filter { evaluation.get(it) is JSONObject }
    .joinToString("\n\n") { name -> figures(name, evaluation.getJSONObject(name)) }

private fun Context.figures(name: String, metrics: JSONObject): String {
    val subset = when (name) {
        "validation" -> getString(R.string.about_validation)
        "test" -> getString(R.string.about_test)
        else -> getString(R.string.about_external, name)
    }
    val images = metrics.getInt("images")
    val accuracy = metrics.getDouble("accuracy")
    val interval = metrics.getJSONObject("interval_95").getJSONArray("accuracy")
    val recall = metrics.getJSONObject("recall_of_class")
    val leaked = metrics.getInt("train_overlap")
    return buildList {
        add(getString(R.string.about_accuracy, subset, count(images), percent(accuracy)))
        add(getString(R.string.about_interval, percent(interval.getDouble(0)), percent(interval.getDouble(1))))
        for (label in recall.keys()) {
            add(getString(R.string.about_recall, labelled(label), percent(recall.getDouble(label))))
        }
        if (leaked > 0) add(getString(R.string.about_leaky, count(leaked)))
    }.joinToString("\n")
}

private fun count(images: Int): String = NumberFormat.getIntegerInstance().format(images)
