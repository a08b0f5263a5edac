package facemask.app

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.graphics.RectF
import android.util.AttributeSet
import android.util.TypedValue
import android.view.View
import kotlin.math.max
import kotlin.math.min

/** Shows a picture as large as it fits, with a box around each face and the answer at the box. */
class PhotoView(context: Context, attributes: AttributeSet) : View(context, attributes) {
    private var picture: Bitmap? = null
    private var marks: List<Mark> = emptyList()
    private val smooth = Paint(Paint.FILTER_BITMAP_FLAG)
    private val line = Paint().apply {
        style = Paint.Style.STROKE
        strokeWidth = unit(TypedValue.COMPLEX_UNIT_DIP, 3f)
    }
    private val fill = Paint()
    private val text = Paint(Paint.ANTI_ALIAS_FLAG).apply { textSize = unit(TypedValue.COMPLEX_UNIT_SP, 14f) }

    /** Show a picture with its faces, or nothing. Several faces are numbered. */
    fun show(picture: Bitmap?, marks: List<Mark> = emptyList()) {
        this.picture = picture
        this.marks = marks
        visibility = if (picture == null) GONE else VISIBLE
        val faces = resources.getQuantityString(R.plurals.faces, marks.size, marks.size)
        contentDescription = (listOf(faces) + marks.map { context.say(it.answer) }).joinToString(". ")
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        val picture = picture ?: return
        val scale = min(width.toFloat() / picture.width, height.toFloat() / picture.height)
        val (wide, high) = picture.width * scale to picture.height * scale
        canvas.translate((width - wide) / 2, (height - high) / 2)
        canvas.drawBitmap(picture, null, RectF(0f, 0f, wide, high), smooth)
        val taken = mutableListOf<RectF>()
        marks.forEachIndexed { index, mark ->
            val number = if (marks.size > 1) "${index + 1}: " else ""
            taken += draw(canvas, mark, number + context.say(mark.answer), RectF(0f, 0f, wide, high), taken)
        }
    }

    /** Draw a face's box and words. Return the rectangle of the words, which avoids `taken` if it can. */
    private fun draw(canvas: Canvas, mark: Mark, words: String, frame: RectF, taken: List<RectF>): RectF {
        val place = mark.place.run {
            RectF(left * frame.right, top * frame.bottom, right * frame.right, bottom * frame.bottom)
        }
        line.color = mark.colour
        fill.color = mark.colour
        text.color = if (Color.luminance(mark.colour) > BRIGHT) Color.BLACK else Color.WHITE
        canvas.drawRect(place, line)
        val margin = text.textSize / 4
        val (wide, high) = text.measureText(words) + 2 * margin to text.textSize * 1.5f
        val left = max(0f, min(place.centerX() - wide / 2, frame.right - wide))
        val above = RectF(left, place.top - high, left + wide, place.top)
        val below = RectF(left, place.bottom, left + wide, place.bottom + high)
        val free = { at: RectF -> frame.contains(at) && taken.none { RectF.intersects(it, at) } }
        val chosen = listOf(above, below).firstOrNull(free)
            ?: RectF(above).apply { offsetTo(left, above.top.coerceIn(0f, max(0f, frame.bottom - high))) }
        canvas.drawRect(chosen, fill)
        canvas.drawText(words, left + margin, chosen.top + text.textSize * 1.1f, text)
        return chosen
    }

    private fun unit(unit: Int, value: Float) =
        TypedValue.applyDimension(unit, value, resources.displayMetrics)

    private companion object {
        /** Relative luminance, 0-1, above which black words are more legible than white ones (WCAG 2). */
        const val BRIGHT = 0.179f
    }
}
