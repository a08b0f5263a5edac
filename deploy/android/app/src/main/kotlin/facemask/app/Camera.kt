package facemask.app

import android.annotation.SuppressLint
import android.content.Context
import android.graphics.ImageFormat
import android.hardware.camera2.CameraAccessException
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.media.Image
import android.media.ImageReader
import android.os.Handler
import android.os.Looper
import android.util.Size
import java.util.concurrent.Executor

/**
 * The device's camera; to be used on the main thread.
 *
 * @param worker reads the pictures that are taken
 * @param onFrame is told that there is a new picture
 * @param onTrouble is told a string resource
 */
class Camera(
    context: Context,
    private val worker: Executor,
    private val onFrame: () -> Unit,
    private val onTrouble: (Int) -> Unit,
) {
    private val manager = context.getSystemService(CameraManager::class.java)
    private val main = Handler(Looper.getMainLooper())
    private var device: CameraDevice? = null
    private var reader: ImageReader? = null
    private var isOpen = false

    private lateinit var characteristics: CameraCharacteristics

    /** Clockwise turns by a quarter that its pictures need on a screen that is turned so. */
    fun turns(screen: Int): Int {
        val sensor = characteristics.get(CameraCharacteristics.SENSOR_ORIENTATION)!! / 90
        return Math.floorMod(if (isFront) sensor + screen else sensor - screen, 4)
    }

    val isFront: Boolean
        get() = characteristics.get(CameraCharacteristics.LENS_FACING) == CameraCharacteristics.LENS_FACING_FRONT

    /** Open the camera that looks this way, or another if there is none. */
    @SuppressLint("MissingPermission") // the first screen asked for it
    fun open(front: Boolean) {
        isOpen = true
        try {
            val cameras = manager.cameraIdList.associateWith(manager::getCameraCharacteristics)
            val wanted = if (front) CameraCharacteristics.LENS_FACING_FRONT else CameraCharacteristics.LENS_FACING_BACK
            val (id, its) = cameras.entries.firstOrNull { it.value.get(CameraCharacteristics.LENS_FACING) == wanted }
                ?: cameras.entries.firstOrNull() ?: return onTrouble(R.string.no_camera)
            characteristics = its
            manager.openCamera(id, Opening(), main)
        } catch (_: CameraAccessException) {
            onTrouble(R.string.camera_busy)
        } catch (_: SecurityException) { // taken back in the settings
            onTrouble(R.string.camera_refused)
        }
    }

    /** Stop it, and let other apps have it. */
    fun close() {
        isOpen = false
        device?.close()
        device = null
        reader?.let { worker.execute(it::close) } // not while a picture of it is read
        reader = null
    }

    /** The newest picture, if there is one that was not taken yet. */
    fun take(): Image? = reader?.acquireLatestImage()

    private inner class Opening : CameraDevice.StateCallback() {
        override fun onOpened(opened: CameraDevice) {
            if (!isOpen) return opened.close()
            device = opened
            val sizes = characteristics.get(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP)
                ?.getOutputSizes(ImageFormat.YUV_420_888).orEmpty()
            val size = sizes.filter { minOf(it.width, it.height) >= LEAST }.minByOrNull { it.width * it.height }
                ?: Size(LEAST * 4 / 3, LEAST)
            reader = ImageReader.newInstance(size.width, size.height, ImageFormat.YUV_420_888, 2).apply {
                setOnImageAvailableListener({ onFrame() }, main)
                start(opened, this)
            }
        }

        override fun onDisconnected(lost: CameraDevice) = onError(lost, ERROR_CAMERA_DEVICE)

        override fun onError(broken: CameraDevice, error: Int) {
            broken.close()
            if (isOpen) onTrouble(R.string.camera_busy)
        }
    }

    @Suppress("DEPRECATION") // its successor needs API 28
    private fun start(opened: CameraDevice, reader: ImageReader) = opened.createCaptureSession(
        listOf(reader.surface),
        object : CameraCaptureSession.StateCallback() {
            override fun onConfigured(session: CameraCaptureSession) {
                if (device != opened) return
                val request = opened.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW)
                request.addTarget(reader.surface)
                session.setRepeatingRequest(request.build(), null, main)
            }

            override fun onConfigureFailed(session: CameraCaptureSession) = onTrouble(R.string.camera_busy)
        },
        main,
    )

    private companion object {
        /** Pixels of the shorter side. */
        const val LEAST = 480
    }
}
