package facemask.app

import android.annotation.SuppressLint
import android.content.Context
import android.graphics.RectF
import facemask.inference.Answer
import facemask.inference.Found
import facemask.inference.Pixels
import java.text.NumberFormat

/**
 * A face as it is drawn: its place in shares of the picture, its answer, and its colour, blue for
 * the first class and vermilion for the second.
 */
class Mark(val place: RectF, val answer: Answer, val colour: Int)

/** Mark a part of a picture that was classified. */
fun App.mark(found: Found, picture: Pixels): Mark {
    val (width, height) = picture.width.toFloat() to picture.height.toFloat()
    val box = found.box
    val place = RectF(box.left / width, box.top / height, box.right / width, box.bottom / height)
    val isFirst = found.answer.label == photos.classifier.contract.labels[0]
    return Mark(place, found.answer, getColor(if (isFirst) R.color.first else R.color.second))
}

/** Say an answer in words of the present language. */
fun Context.say(answer: Answer): String {
    val words = if (answer.unsure) R.string.unsure_answer else R.string.answer
    return getString(words, labelled(answer.label), percent(answer.probability))
}

/** A class in words, or as the model names it where it is another than the app was made for. */
@SuppressLint("DiscouragedApi") // labels are known only when the model is read
fun Context.labelled(label: String): String {
    val id = resources.getIdentifier("label_$label", "string", packageName)
    return if (id == 0) label else getString(id)
}

fun percent(share: Double): String =
    NumberFormat.getPercentInstance().apply { maximumFractionDigits = 1 }.format(share)
