package facemask.app

import android.app.Application
import facemask.inference.Photos
import java.io.FileInputStream
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import java.util.concurrent.ExecutorService
import java.util.concurrent.Executors

class App : Application() {
    /** The one thread that decodes and judges pictures. */
    val worker: ExecutorService = Executors.newSingleThreadExecutor()

    /** To be used by the [worker] alone; the first use loads the networks. */
    val photos by lazy {
        Photos(mapped("facemask.tflite"), mapped("face_finder.tflite"), text("face_finder.json"))
    }

    val session by lazy { Session(this) }

    fun text(asset: String): String = assets.open(asset).bufferedReader().use { it.readText() }

    /** Assets lie uncompressed in the APK, so that they need no memory of their own. */
    private fun mapped(asset: String): ByteBuffer = assets.openFd(asset).use { file ->
        FileInputStream(file.fileDescriptor).channel
            .map(FileChannel.MapMode.READ_ONLY, file.startOffset, file.declaredLength)
    }
}
