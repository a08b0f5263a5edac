package facemask.app

import android.app.Activity
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

/** What the model is, how good, and what not for, from the metrics of the run that made it. */
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
            append(getString(R.string.about_made_with))
        }
    }

    private fun measured(evaluation: JSONObject): String {
        val validation = evaluation.getJSONObject("validation")
        val leaked = validation.getInt("train_overlap")
        return listOfNotNull(
            figures(R.string.about_validation, validation),
            if (leaked > 0) getString(R.string.about_leaky, count(leaked)) else null,
            evaluation.optJSONObject("external")?.let { figures(R.string.about_external, it) },
        ).joinToString("\n\n")
    }

    private fun figures(sentence: Int, metrics: JSONObject): String {
        val interval = metrics.getJSONObject("interval_95").getJSONArray("accuracy")
        val recall = metrics.getJSONObject("recall_of_class")
        val found = recall.keys().asSequence().map {
            getString(R.string.about_found, labelled(it), percent(recall.getDouble(it)))
        }
        val headline = getString(
            sentence,
            count(metrics.getInt("images")),
            percent(metrics.getDouble("accuracy")),
            percent(interval.getDouble(0)),
            percent(interval.getDouble(1)),
        )
        return (listOf(headline) + found).joinToString("\n")
    }

    private fun count(images: Int): String = NumberFormat.getIntegerInstance().format(images)

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
