package facemask.app

import android.Manifest
import android.app.Activity
import android.content.Intent
import android.content.pm.PackageManager
import android.graphics.Bitmap
import android.graphics.Canvas
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraManager
import android.net.Uri
import android.os.Bundle
import android.os.Looper
import android.provider.MediaStore
import android.view.View
import android.widget.Button
import android.widget.TextView
import facemask.inference.ModelRefused
import java.io.File
import java.io.FileNotFoundException
import java.util.concurrent.CountDownLatch
import org.json.JSONObject
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowCameraCharacteristics

/** What people do with the app, with the real networks; the model's answers are of generated faces. */
@RunWith(RobolectricTestRunner::class)
@Config(qualifiers = "w360dp-h740dp-xhdpi")
class FlowTest {
    private val app get() = RuntimeEnvironment.getApplication() as App
    private var photos = 0

    @After
    fun stop() {
        app.worker.shutdownNow()
    }

    @Test
    fun `choose a photo of several people`() {
        val screen = started()
        screen.choose(jpeg(photograph(3)))
        screen.settle()
        assertTrue(screen.status, screen.status.startsWith("3 faces ("))
        assertEquals(4, screen.status.lines().size)
        assertTrue(screen.status, screen.status.lines().drop(1).all { it.contains("mask, ") && it.endsWith("%") })
        assertTrue(screen.picture.contentDescription.startsWith("3 faces. "))
        screenshot(screen, "light")
    }

    @Test
    fun `first start says what to do`() {
        val screen = started()
        assertEquals(app.getString(R.string.hint), screen.status)
        for (id in listOf(R.id.choose, R.id.take, R.id.live, R.id.about)) {
            val button = screen.findViewById<Button>(id)
            assertTrue(button.text.isNotEmpty())
            assertTrue("$id is large enough to touch", button.height >= 48 * button.resources.displayMetrics.density)
        }
        screenshot(screen, "start")
    }

    @Test
    fun `going back from the picker changes nothing`() {
        val screen = started()
        screen.findViewById<View>(R.id.choose).performClick()
        val asked = shadowOf(screen).nextStartedActivityForResult
        shadowOf(screen).receiveResult(asked.intent, Activity.RESULT_CANCELED, null)
        screen.settle()
        assertEquals(app.getString(R.string.hint), screen.status)
    }

    @Test
    fun `no face offers the whole picture`() {
        val screen = started()
        screen.choose(jpeg(photograph(0)))
        screen.settle()
        assertEquals("No face found.", screen.status)
        screenshot(screen, "no-face")
        screen.findViewById<View>(R.id.full_frame).performClick()
        screen.settle()
        assertTrue(screen.status, screen.status.startsWith("Whole picture ("))
        assertEquals(View.GONE, screen.findViewById<View>(R.id.full_frame).visibility)
    }

    @Test
    fun `files that are not pictures`() {
        val cut = jpeg(photograph(1)).copyOf(100)
        val cases = mapOf(
            ByteArray(0) to R.string.empty_file,
            "%PDF-1.7".toByteArray() to R.string.not_a_picture,
            cut to R.string.not_a_picture,
            ByteArray(100_000) { (it * 31).toByte() } to R.string.not_a_picture,
        )
        val screen = started()
        for ((content, message) in cases) {
            screen.choose(content)
            screen.settle()
            assertEquals(app.getString(message), screen.status)
            assertEquals(View.GONE, screen.picture.visibility)
        }
        val gone = Uri.parse("content://gallery/gone.jpg")
        shadowOf(app.contentResolver).registerInputStreamSupplier(gone) { throw FileNotFoundException() }
        screen.choose(gone)
        screen.settle()
        assertEquals(app.getString(R.string.unreadable), screen.status)
    }

    @Test
    fun `a photo larger than any phone's camera takes`() {
        val screen = started()
        screen.choose(jpeg(photograph(1, 9000, 6000)))
        screen.settle()
        assertTrue(screen.status, screen.status.startsWith("1 face ("))
    }

    @Test
    fun `the second photo takes the place of the first that still runs`() {
        val screen = started()
        val gate = hold()
        screen.choose(jpeg(photograph(3)))
        screen.choose(jpeg(photograph(1)))
        gate.countDown()
        screen.settle()
        assertTrue(screen.status, screen.status.startsWith("1 face ("))
    }

    @Test
    fun `cancel while it runs`() {
        val screen = started()
        val gate = hold()
        screen.choose(jpeg(photograph(1)))
        shadowOf(Looper.getMainLooper()).idle()
        assertEquals(app.getString(R.string.working), screen.status)
        screenshot(screen, "working")
        screen.findViewById<View>(R.id.cancel).performClick()
        gate.countDown()
        screen.settle()
        assertEquals(app.getString(R.string.hint), screen.status)
    }

    @Test
    fun `rotation and process death keep the photo`() {
        val controller = start()
        controller.get().choose(jpeg(photograph(2)))
        val gate = hold() // the rotation comes while it runs
        RuntimeEnvironment.setQualifiers("+land")
        controller.recreate()
        gate.countDown()
        controller.get().settle()
        val words = controller.get().status
        assertTrue(words, words.startsWith("2 faces ("))
        screenshot(controller.get(), "landscape")

        val saved = Bundle()
        controller.saveInstanceState(saved)
        app.session.cancel() // as in a new process: nothing is known but what was saved
        val again = Robolectric.buildActivity(PhotoActivity::class.java).setup(saved).get()
        again.settle()
        assertEquals(words.lines().drop(1), again.status.lines().drop(1))
    }

    @Test
    fun `the end of the screen deletes the photo`() {
        val controller = start()
        controller.get().choose(jpeg(photograph(1)))
        controller.get().settle()
        assertTrue(File(app.cacheDir, "photo").exists())
        controller.get().finish()
        controller.pause().stop().destroy()
        app.worker.submit {}.get()
        assertFalse(File(app.cacheDir, "photo").exists())
    }

    @Test
    fun `another app shares a photo`() {
        val uri = offered(jpeg(photograph(1)))
        val shared = Intent(Intent.ACTION_SEND).setType("image/jpeg").putExtra(Intent.EXTRA_STREAM, uri)
        val controller = Robolectric.buildActivity(PhotoActivity::class.java, shared).setup()
        controller.get().settle()
        assertTrue(controller.get().status, controller.get().status.startsWith("1 face ("))

        val next = Intent(shared).putExtra(Intent.EXTRA_STREAM, offered(jpeg(photograph(2))))
        controller.newIntent(next)
        controller.get().settle()
        assertTrue(controller.get().status, controller.get().status.startsWith("2 faces ("))
    }

    @Test
    fun `another app cannot share our own files`() {
        for (uri in listOf(Uri.fromFile(File(app.cacheDir, "photo")), TakenPhotoProvider.URI)) {
            val shared = Intent(Intent.ACTION_SEND).setType("image/jpeg").putExtra(Intent.EXTRA_STREAM, uri)
            val screen = Robolectric.buildActivity(PhotoActivity::class.java, shared).setup().get()
            screen.settle()
            assertEquals(app.getString(R.string.unreadable), screen.status)
        }
    }

    @Test
    fun `take a photo`() {
        shadowOf(app).grantPermissions(Manifest.permission.CAMERA)
        val screen = started()
        screen.findViewById<View>(R.id.take).performClick()
        val asked = shadowOf(screen).nextStartedActivityForResult
        assertEquals(MediaStore.ACTION_IMAGE_CAPTURE, asked.intent.action)
        val place = asked.intent.getParcelableExtra(MediaStore.EXTRA_OUTPUT, Uri::class.java)!!
        app.contentResolver.openOutputStream(place)!!.use { it.write(jpeg(photograph(1))) }
        shadowOf(screen).receiveResult(asked.intent, Activity.RESULT_OK, null)
        screen.settle()
        assertTrue(screen.status, screen.status.startsWith("1 face ("))
    }

    @Test
    fun `the camera is refused`() {
        val screen = started()
        for (id in listOf(R.id.take, R.id.live)) {
            screen.findViewById<View>(id).performClick()
            val asked = shadowOf(screen).lastRequestedPermission
            assertEquals(listOf(Manifest.permission.CAMERA), asked.requestedPermissions.toList())
            val refused = intArrayOf(PackageManager.PERMISSION_DENIED)
            screen.onRequestPermissionsResult(asked.requestCode, asked.requestedPermissions, refused)
            screen.settle()
            assertEquals(app.getString(R.string.camera_refused), screen.status)
            val started = generateSequence { shadowOf(screen).nextStartedActivity }.map { it.action }
            assertTrue(started.all { it == "android.content.pm.action.REQUEST_PERMISSIONS" })
        }
    }

    @Test
    fun `a device without a camera says so`() {
        val screen = Robolectric.buildActivity(CameraActivity::class.java).setup().get()
        assertEquals(app.getString(R.string.no_camera), screen.findViewById<TextView>(R.id.status).text.toString())
    }

    @Test
    fun `the camera runs while its screen is seen`() {
        shadowOf(app).grantPermissions(Manifest.permission.CAMERA)
        val facings = listOf(CameraCharacteristics.LENS_FACING_BACK, CameraCharacteristics.LENS_FACING_FRONT)
        for ((id, facing) in facings.withIndex()) {
            val its = ShadowCameraCharacteristics.newCameraCharacteristics()
            shadowOf(its).set(CameraCharacteristics.LENS_FACING, facing)
            shadowOf(its).set(CameraCharacteristics.SENSOR_ORIENTATION, 90)
            shadowOf(app.getSystemService(CameraManager::class.java)).addCamera("$id", its)
        }
        val controller = Robolectric.buildActivity(CameraActivity::class.java).setup()
        shadowOf(Looper.getMainLooper()).idle()
        controller.get().findViewById<View>(R.id.switch_camera).performClick()
        shadowOf(Looper.getMainLooper()).idle()
        controller.pause().stop()
        shadowOf(Looper.getMainLooper()).idle()
        assertEquals("", controller.get().findViewById<TextView>(R.id.status).text.toString())
    }

    @Test
    @Config(qualifiers = "+night")
    fun `in the dark`() {
        val screen = started()
        screen.choose(jpeg(photograph(2)))
        screen.settle()
        screenshot(screen, "dark")
    }

    @Test
    @Config(qualifiers = "+de", fontScale = 1.8f)
    fun `large text, in German`() {
        val screen = started()
        screen.choose(jpeg(photograph(2)))
        screen.settle()
        assertTrue(screen.status, screen.status.startsWith("2 Gesichter ("))
        screenshot(screen, "large-text")
    }

    @Test
    fun `about the model`() {
        val screen = Robolectric.buildActivity(AboutActivity::class.java).setup().get()
        val words = screen.findViewById<TextView>(R.id.text).text.toString()
        val metrics = JSONObject(app.text("evaluate.json")).getJSONObject("validation")
        assertTrue(words, words.contains(percent(metrics.getDouble("accuracy"))))
        assertTrue(words, words.contains(app.getString(R.string.about_limits)))
        for (licence in listOf("MIT License", "Apache License")) assertTrue(licence, words.contains(licence))
        assertFalse(words, words.contains("()"))
        screenshot(screen, "about")
    }

    @Test
    fun `every subset and external test set is shown by its name`() {
        val evaluation = JSONObject(app.text("evaluate.json"))
        val metrics = evaluation.getJSONObject("validation")
        for (name in listOf("test", "press", "street")) evaluation.put(name, metrics)
        val words = app.measured(evaluation)
        for (name in listOf("Validation (", "Test (", "“press”", "“street”")) assertTrue(words, words.contains(name))
        assertFalse(words, words.contains("near-duplicate"))
        assertTrue(app.measured(evaluation.put("street", metrics.put("train_overlap", 3))).contains("3 of the pictures"))
    }

    @Test
    fun `a model with another version of the contract is refused in one line`() {
        val words = app.say(ModelRefused(ModelRefused.Reason.VERSION, "3"))
        assertTrue(words, words.startsWith("The model file has version 3 of the contract, and this app reads "))
        assertTrue(words, words.endsWith("dvc repro export_tflite"))
    }

    private fun start() = Robolectric.buildActivity(PhotoActivity::class.java).setup()

    private fun started(): PhotoActivity = start().get()

    private val Activity.status get() = findViewById<TextView>(R.id.status).text.toString()

    private val Activity.picture get() = findViewById<PhotoView>(R.id.picture)

    /** Keep the worker from its work until the latch is counted down. */
    private fun hold() = CountDownLatch(1).also { gate -> app.worker.submit { gate.await() } }

    /** A photo in another app. */
    private fun offered(content: ByteArray): Uri {
        val uri = Uri.parse("content://gallery/${photos++}.jpg")
        shadowOf(app.contentResolver).registerInputStreamSupplier(uri) { content.inputStream() }
        return uri
    }

    private fun Activity.choose(content: ByteArray) = choose(offered(content))

    private fun Activity.choose(uri: Uri) {
        findViewById<View>(R.id.choose).performClick()
        val asked = shadowOf(this).nextStartedActivityForResult
        assertEquals("image/*", asked.intent.type)
        shadowOf(this).receiveResult(asked.intent, Activity.RESULT_OK, Intent().setData(uri))
    }

    private fun Activity.settle() {
        app.worker.submit {}.get()
        shadowOf(Looper.getMainLooper()).idle()
    }

    private fun screenshot(screen: Activity, name: String) {
        val window = screen.window.decorView
        val picture = Bitmap.createBitmap(window.width, window.height, Bitmap.Config.ARGB_8888)
        window.draw(Canvas(picture))
        val folder = File("target/screenshots").apply { mkdir() }
        File(folder, "$name.png").outputStream().use { picture.compress(Bitmap.CompressFormat.PNG, 100, it) }
    }
}
