package facemask.app

import android.annotation.SuppressLint
import android.content.Context
import android.graphics.RectF
import facemask.inference.Answer
import facemask.inference.FaceAnswer
import facemask.inference.Pixels
import java.text.NumberFormat

/**
 * A face as it is drawn.
 *
 * @param place its box, in shares of the picture's width and height
 * @param answer null if the face is too small for an answer
 * @param colour blue for the first class, vermilion for the second, grey without an answer
 */
class Mark(val place: RectF, val answer: Answer?, val colour: Int)

/** Return the mark of a face in a picture. */
fun App.mark(face: FaceAnswer, picture: Pixels): Mark {
    val width = picture.width.toFloat()
    val height = picture.height.toFloat()
    val box = face.box
    val place = RectF(box.left / width, box.top / height, box.right / width, box.bottom / height)
    val colour = when (face.answer?.label) {
        null -> R.color.too_small
        photos.classifier.contract.labels[0] -> R.color.first
        else -> R.color.second
    }
    return Mark(place, face.answer, getColor(colour))
}

/** Say an answer, or that there is none, in the language of the device. */
fun Context.say(answer: Answer?): String {
    if (answer == null) return getString(R.string.too_small)
    val words = if (answer.unsure) R.string.unsure_answer else R.string.answer
    return getString(words, labelled(answer.label), percent(answer.probability))
}

/** Return a class in words; a class that the app has no words for keeps the model's name. */
@SuppressLint("DiscouragedApi") // labels are known only when the model is read
fun Context.labelled(label: String): String {
    val id = resources.getIdentifier("label_$label", "string", packageName)
    return if (id == 0) label else getString(id)
}

fun percent(share: Double): String =
    NumberFormat.getPercentInstance().apply { maximumFractionDigits = 1 }.format(share)
