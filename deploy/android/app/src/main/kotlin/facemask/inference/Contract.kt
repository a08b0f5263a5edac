package facemask.inference

import java.io.ByteArrayOutputStream
import java.nio.ByteBuffer
import java.nio.ByteOrder.LITTLE_ENDIAN
import java.security.MessageDigest
import java.util.zip.CRC32
import org.json.JSONObject

/**
 * The model's file cannot be used. The app has a sentence for each reason.
 *
 * @param message what the file holds, such as the version of its contract
 */
class ModelRefused(val reason: Reason, message: String) : Exception(message) {
    enum class Reason { DAMAGED, VERSION, RUNTIME, INPUT, OUTPUT }
}

/**
 * How a face is cropped.
 *
 * @param scale side of the crop, in sides of the face's box
 * @param up how far the crop's centre lies above the box's, in sides of the crop
 */
data class CropMargins(val scale: Double, val up: Double)

/**
 * How to feed a model and read its answer, as the archive behind the model says; see
 * `facemask/inference/contract.py`.
 */
class Contract private constructor(values: JSONObject) {
    /** The two classes, in the order of the model's two probabilities. */
    val labels: List<String> = values.getJSONArray("labels").let { List(2, it::getString) }
    val side: Int = values.getJSONObject("input").getInt("side")
    val crop: CropMargins
    val threshold: Double = values.getDouble("threshold")

    init {
        val input = values.getJSONObject("input")
        val resize = input.getJSONObject("resize")
        val margins = input.optJSONObject("crop")
        val known = resize.getString("filter") == "bilinear" &&
            resize.getBoolean("antialiased") &&
            resize.getString("aspect_ratio") == "stretched"
        if (!known || margins == null) {
            throw ModelRefused(ModelRefused.Reason.INPUT, "resize $resize, crop $margins")
        }
        crop = CropMargins(margins.getDouble("scale"), margins.getDouble("up"))
    }

    companion object {
        /** The version of the contract that this app reads. */
        const val VERSION = "4"

        private const val CONTRACT = "contract.json"
        private const val LABELS = "labels.txt"

        /** Read the contract of a model's file; throw [ModelRefused] if any byte of the file was changed. */
        fun read(file: ByteArray): Contract = try {
            val start = Archive.start(file)
            val entries = Archive.read(file)
            val values = JSONObject(entries.getValue(CONTRACT).decodeToString())
            val version = values.getString("version")
            if (version != VERSION) throw ModelRefused(ModelRefused.Reason.VERSION, version)
            val labels = values.getJSONArray("labels")
            val lines = List(labels.length()) { "${labels.getString(it)}\n" }.joinToString("")
            check(entries.getValue(LABELS).decodeToString() == lines) { "other labels" }
            check(sha256(file, start) == values.getString("sha256")) { "another model" }
            val rebuilt = Archive.write(entries, start)
            check(file.copyOfRange(start, file.size).contentEquals(rebuilt)) { "another archive" }
            Contract(values)
        } catch (refused: ModelRefused) {
            throw refused
        } catch (error: Exception) { // damaged bytes fail in many ways
            throw ModelRefused(ModelRefused.Reason.DAMAGED, "$error")
        }

        private fun sha256(file: ByteArray, length: Int): String {
            val digest = MessageDigest.getInstance("SHA-256").apply { update(file, 0, length) }
            return digest.digest().joinToString("") { "%02x".format(it) }
        }
    }
}

/** The zip archives that Python's `zipfile` writes of uncompressed entries without a date. */
private object Archive {
    private const val LOCAL = 0x04034b50
    private const val CENTRAL = 0x02014b50
    private const val END = 0x06054b50
    private const val END_LENGTH = 22
    private const val DATE = 0x21 // 1 January 1980
    private const val VERSION = 20
    private const val UNIX = 3 shl 8
    private const val READABLE_BY_OWNER = 384 shl 16 // octal 600

    /** Where the first entry begins. */
    fun start(file: ByteArray): Int {
        val bytes = ByteBuffer.wrap(file).order(LITTLE_ENDIAN)
        val central = bytes.getInt(file.size - END_LENGTH + 16)
        check(bytes.getInt(central) == CENTRAL)
        return bytes.getInt(central + 42)
    }

    fun read(file: ByteArray): Map<String, ByteArray> {
        val bytes = ByteBuffer.wrap(file).order(LITTLE_ENDIAN)
        val entries = linkedMapOf<String, ByteArray>()
        var at = start(file)
        while (bytes.getInt(at) == LOCAL) {
            val name = at + 30
            val content = name + bytes.getShort(at + 26)
            val end = content + bytes.getInt(at + 18)
            check(end > at)
            entries[file.decodeToString(name, content)] = file.copyOfRange(content, end)
            at = end
        }
        return entries
    }

    /** The archive of these entries at an offset in its file. */
    fun write(entries: Map<String, ByteArray>, offset: Int): ByteArray {
        val local = ByteArrayOutputStream()
        val central = ByteArrayOutputStream()
        for ((name, content) in entries) {
            val crc = CRC32().apply { update(content) }.value.toInt()
            val place = offset + local.size()
            val shared = ByteBuffer.allocate(26).order(LITTLE_ENDIAN)
                .putShort(VERSION.toShort()).putInt(0).putShort(0).putShort(DATE.toShort())
                .putInt(crc).putInt(content.size).putInt(content.size)
                .putShort(name.length.toShort()).putShort(0).array()
            local.write(integers(LOCAL) + shared + name.toByteArray() + content)
            central.write(integers(CENTRAL) + shorts(UNIX or VERSION) + shared)
            central.write(shorts(0, 0, 0) + integers(READABLE_BY_OWNER, place))
            central.write(name.toByteArray())
        }
        val sizes = integers(central.size(), offset + local.size())
        val end = integers(END) + shorts(0, 0, entries.size, entries.size) + sizes + shorts(0)
        return local.toByteArray() + central.toByteArray() + end
    }

    private fun integers(vararg values: Int): ByteArray =
        ByteBuffer.allocate(4 * values.size).order(LITTLE_ENDIAN)
            .apply { values.forEach(::putInt) }.array()

    private fun shorts(vararg values: Int): ByteArray =
        ByteBuffer.allocate(2 * values.size).order(LITTLE_ENDIAN)
            .apply { values.forEach { putShort(it.toShort()) } }.array()
}
