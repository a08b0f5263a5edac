package facemask.app

import android.content.Context
import android.graphics.Bitmap
import android.net.Uri
import android.os.Handler
import android.os.Looper
import facemask.inference.Contract
import facemask.inference.ModelRefused
import java.io.File
import java.io.IOException
import java.util.concurrent.Future

/** What there is to see of the photo that was chosen last. */
sealed interface State {
    data object Nothing : State

    data object Working : State

    /** The faces in a photo, none where none is found, or what was judged in place of them. */
    class Answered(val picture: Bitmap, val marks: List<Mark>, val fullFrame: Boolean, val milliseconds: Long) : State

    class Failed(val message: String) : State
}

/**
 * The photo that was chosen last, and what is known of it; outlives the screen that shows it.
 *
 * To be called on the main thread. The photo is copied into the app's cache first, since leave to
 * read it ends with the process; the next one, or the end of the screen, deletes that.
 */
class Session(private val app: App) {
    private val photo = File(app.cacheDir, "photo")
    private val main = Handler(Looper.getMainLooper())
    private var job: Future<*>? = null

    var state: State = State.Nothing
        private set(value) {
            field = value
            observer?.invoke(value)
        }

    /** Is told each new state. */
    var observer: ((State) -> Unit)? = null

    /** Judge another photo, in place of one that is still being judged. */
    fun open(uri: Uri) = start {
        copy(uri)
        judge(fullFrame = false)
    }

    /** Judge the photo again, as after the death of the process. */
    fun reopen(fullFrame: Boolean) = start { judge(fullFrame) }

    fun fail(messageId: Int) {
        cancel()
        state = State.Failed(app.getString(messageId))
    }

    fun cancel() {
        job?.cancel(true)
        job = null
        state = State.Nothing
    }

    fun forget() {
        cancel()
        app.worker.execute { photo.delete() }
    }

    private fun start(work: () -> State) {
        job?.cancel(true)
        state = State.Working
        lateinit var mine: Future<*>
        mine = app.worker.submit {
            val result = try {
                work()
            } catch (bad: BadPicture) {
                State.Failed(app.getString(bad.messageId))
            } catch (refused: ModelRefused) {
                State.Failed(app.say(refused))
            } catch (_: InterruptedException) {
                return@submit
            } catch (error: Throwable) { // a fault of ours: the app should end, not wait for ever
                main.post { throw error }
                return@submit
            }
            main.post { if (job === mine) state = result }
        }
        job = mine
    }

    private fun copy(uri: Uri) {
        try {
            val source = app.contentResolver.openInputStream(uri) ?: throw IOException("no content")
            source.use { photo.outputStream().use(it::copyTo) }
        } catch (_: IOException) {
            throw BadPicture(R.string.unreadable)
        } catch (_: SecurityException) { // the other app has taken its leave back
            throw BadPicture(R.string.unreadable)
        }
    }

    private fun judge(fullFrame: Boolean): State {
        val began = System.nanoTime()
        val picture = readPicture(photo)
        val pixels = pixelsOf(picture)
        val faces = if (fullFrame) listOf(app.photos.answerFullFrame(pixels)) else app.photos.answer(pixels)
        val marks = faces.map { app.mark(it, pixels) }
        return State.Answered(shown(picture), marks, fullFrame, (System.nanoTime() - began) / 1_000_000)
    }
}

/** Say in one line why the model cannot be used, and what to do. */
fun Context.say(refused: ModelRefused): String = when (refused.reason) {
    ModelRefused.Reason.DAMAGED -> getString(R.string.model_damaged)
    ModelRefused.Reason.VERSION -> getString(R.string.model_version, refused.message, Contract.VERSION)
    ModelRefused.Reason.RUNTIME -> getString(R.string.model_runtime)
    ModelRefused.Reason.INPUT, ModelRefused.Reason.OUTPUT -> getString(R.string.model_interface)
}
