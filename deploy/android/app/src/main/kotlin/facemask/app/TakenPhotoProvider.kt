package facemask.app

import android.content.ContentProvider
import android.content.ContentValues
import android.net.Uri
import android.os.ParcelFileDescriptor
import java.io.File

/** The file into which a camera app writes the photo that it takes for us. */
class TakenPhotoProvider : ContentProvider() {
    override fun onCreate() = true

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor {
        val file = File(context!!.cacheDir, "taken")
        return ParcelFileDescriptor.open(file, ParcelFileDescriptor.parseMode(mode))
    }

    override fun getType(uri: Uri) = "image/jpeg"

    override fun query(uri: Uri, fields: Array<String>?, which: String?, values: Array<String>?, order: String?) = null

    override fun insert(uri: Uri, values: ContentValues?) = null

    override fun delete(uri: Uri, which: String?, values: Array<String>?) = 0

    override fun update(uri: Uri, new: ContentValues?, which: String?, values: Array<String>?) = 0

    companion object {
        val URI: Uri = Uri.parse("content://facemask.app.taken/photo.jpg")
    }
}
