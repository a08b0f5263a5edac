package facemask.app

import android.app.Activity
import android.os.Bundle
import android.view.View
import android.widget.Button
import android.widget.TextView
import facemask.inference.ModelRefused

/** The camera, live: as many pictures a second as the device manages to judge. */
class CameraActivity : Activity() {
    private val app get() = application as App
    private val camera by lazy { Camera(this, app.worker, ::next) { complain(getString(it)) } }
    private var front = true
    private var isBusy = false
    private var isVisible = false
    private var period = 0.0

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        front = saved?.getBoolean(FRONT) ?: true
        setContentView(R.layout.camera)
        findViewById<View>(R.id.root).keepClearOfBars()
        findViewById<Button>(R.id.stop).setOnClickListener { finish() }
        findViewById<Button>(R.id.switch_camera).setOnClickListener {
            front = !front
            camera.close()
            camera.open(front)
        }
    }

    override fun onResume() {
        super.onResume()
        isVisible = true
        camera.open(front)
    }

    override fun onPause() {
        super.onPause()
        isVisible = false
        camera.close()
    }

    override fun onSaveInstanceState(out: Bundle) {
        super.onSaveInstanceState(out)
        out.putBoolean(FRONT, front)
    }

    /** Judge the newest picture, unless one is being judged. */
    private fun next() {
        if (isBusy || !isVisible) return
        val image = camera.take() ?: return
        isBusy = true
        val began = System.nanoTime()
        @Suppress("DEPRECATION") // its successor needs API 30
        val turns = camera.turns(windowManager.defaultDisplay.rotation)
        app.worker.execute {
            val show = try {
                val pixels = image.use { pixelsOf(it, turns) }
                val marks = app.photos.answer(pixels, small = false).map { app.mark(it, pixels) }
                val picture = bitmapOf(pixels);
                { findViewById<PhotoView>(R.id.picture).show(picture, marks); say(marks, began) }
            } catch (refused: ModelRefused) {
                { complain(app.say(refused)) }
            }
            runOnUiThread {
                isBusy = false
                if (isVisible) show()
                next()
            }
        }
    }

    private fun say(marks: List<Mark>, began: Long) {
        val words = if (marks.isEmpty()) getString(R.string.no_face) else marks.joinToString("\n") { say(it.answer) }
        val status = findViewById<TextView>(R.id.status)
        if (status.text.toString() != words) status.text = words // a screen reader reads each change aloud
        val took = (System.nanoTime() - began) / 1e9
        period = if (period == 0.0) took else SMOOTHING * period + (1 - SMOOTHING) * took
        findViewById<TextView>(R.id.rate).text = getString(R.string.rate, (1 / period).toInt())
    }

    private fun complain(message: String) {
        findViewById<TextView>(R.id.status).text = message
    }

    private companion object {
        const val FRONT = "front"

        /** Of the seconds a picture takes that are shown. */
        const val SMOOTHING = 0.9
    }
}
