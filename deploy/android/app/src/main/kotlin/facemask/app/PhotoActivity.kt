package facemask.app

import android.Manifest
import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.ContentResolver
import android.content.Intent
import android.content.pm.PackageManager
import android.content.res.Configuration
import android.net.Uri
import android.os.Bundle
import android.provider.MediaStore
import android.view.View
import android.widget.Button
import android.widget.LinearLayout
import android.widget.TextView

/** The first screen: choose, take or receive a photo, and see what is in it. */
class PhotoActivity : Activity() {
    private val session get() = (application as App).session

    override fun onCreate(saved: Bundle?) {
        super.onCreate(saved)
        setContentView(R.layout.photo)
        findViewById<View>(R.id.root).keepClearOfBars()
        if (resources.configuration.orientation == Configuration.ORIENTATION_LANDSCAPE) putSideBySide()
        onClick(R.id.choose) { choose() }
        onClick(R.id.take) { withCamera(TAKE) }
        onClick(R.id.live) { withCamera(LIVE) }
        onClick(R.id.about) { startActivity(Intent(this, AboutActivity::class.java)) }
        onClick(R.id.cancel) { session.cancel() }
        onClick(R.id.full_frame) { session.reopen(fullFrame = true) }
        session.observer = ::show
        show(session.state)
        if (saved == null) {
            receive(intent)
        } else if (saved.getBoolean(HAS_PHOTO) && session.state == State.Nothing) {
            session.reopen(saved.getBoolean(FULL_FRAME))
        }
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        receive(intent)
    }

    override fun onSaveInstanceState(out: Bundle) {
        super.onSaveInstanceState(out)
        val state = session.state
        out.putBoolean(HAS_PHOTO, state is State.Working || state is State.Answered)
        out.putBoolean(FULL_FRAME, state is State.Answered && state.fullFrame)
    }

    override fun onDestroy() {
        super.onDestroy()
        session.observer = null
        if (isFinishing) session.forget()
    }

    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        if (result != RESULT_OK) return
        if (request == TAKE) session.open(TakenPhotoProvider.URI) else data?.data?.let(session::open)
    }

    override fun onRequestPermissionsResult(request: Int, permissions: Array<String>, results: IntArray) {
        when (results.firstOrNull()) {
            PackageManager.PERMISSION_GRANTED -> withCamera(request)
            PackageManager.PERMISSION_DENIED -> session.fail(R.string.camera_refused)
        }
    }

    private fun choose() {
        val intent = Intent(Intent.ACTION_GET_CONTENT).addCategory(Intent.CATEGORY_OPENABLE).setType("image/*")
        startFor(CHOOSE, intent, R.string.no_picker)
    }

    /** Open another app's camera or our own; Android wants leave for either, as we ask for one. */
    private fun withCamera(request: Int) {
        if (checkSelfPermission(Manifest.permission.CAMERA) != PackageManager.PERMISSION_GRANTED) {
            requestPermissions(arrayOf(Manifest.permission.CAMERA), request)
        } else if (request == LIVE) {
            startActivity(Intent(this, CameraActivity::class.java))
        } else {
            val intent = Intent(MediaStore.ACTION_IMAGE_CAPTURE)
                .putExtra(MediaStore.EXTRA_OUTPUT, TakenPhotoProvider.URI)
                .addFlags(Intent.FLAG_GRANT_WRITE_URI_PERMISSION)
            startFor(TAKE, intent, R.string.no_camera_app)
        }
    }

    private fun startFor(request: Int, intent: Intent, troubleId: Int) = try {
        startActivityForResult(intent, request)
    } catch (_: ActivityNotFoundException) {
        session.fail(troubleId)
    }

    /** Take a photo that another app shares; only what that app has itself leave to give. */
    private fun receive(intent: Intent) {
        @Suppress("DEPRECATION") // its successor needs API 33
        val shared = intent.getParcelableExtra<Uri>(Intent.EXTRA_STREAM)
        if (intent.action != Intent.ACTION_SEND || shared == null) return
        val foreign = shared.scheme == ContentResolver.SCHEME_CONTENT &&
            shared.authority != TakenPhotoProvider.URI.authority
        if (foreign) session.open(shared) else session.fail(R.string.unreadable)
    }

    private fun show(state: State) {
        val answered = state as? State.Answered
        findViewById<PhotoView>(R.id.picture)
            .show(answered?.picture, answered?.marks.orEmpty().filterNot { answered!!.fullFrame })
        findViewById<TextView>(R.id.status).text = when (state) {
            State.Nothing -> getString(R.string.hint)
            State.Working -> getString(R.string.working)
            is State.Answered -> say(state)
            is State.Failed -> state.message
        }
        showIf(state == State.Working, R.id.progress, R.id.cancel)
        showIf(answered != null && answered.marks.isEmpty(), R.id.full_frame)
    }

    private fun say(state: State.Answered): String {
        val (marks, took) = state.marks to getString(R.string.took, state.milliseconds)
        if (marks.isEmpty()) return getString(R.string.no_face)
        val faces = resources.getQuantityString(R.plurals.faces, marks.size, marks.size)
        val title = if (state.fullFrame) getString(R.string.full_frame) else faces
        val lines = marks.mapIndexed { i, mark ->
            if (marks.size == 1) say(mark.answer) else getString(R.string.face_line, i + 1, say(mark.answer))
        }
        return (listOf("$title ($took)") + lines).joinToString("\n")
    }

    /** In landscape, the words stand beside the photo. */
    private fun putSideBySide() {
        findViewById<LinearLayout>(R.id.content).orientation = LinearLayout.HORIZONTAL
    }

    private fun onClick(id: Int, action: () -> Unit) =
        findViewById<Button>(id).setOnClickListener { action() }

    private fun showIf(condition: Boolean, vararg ids: Int) = ids.forEach {
        findViewById<View>(it).visibility = if (condition) View.VISIBLE else View.GONE
    }

    private companion object {
        const val CHOOSE = 1
        const val TAKE = 2
        const val LIVE = 3
        const val HAS_PHOTO = "photo"
        const val FULL_FRAME = "full_frame"
    }
}
