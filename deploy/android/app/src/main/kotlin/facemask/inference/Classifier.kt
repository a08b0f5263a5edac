package facemask.inference

import java.nio.ByteBuffer
import org.tensorflow.lite.DataType

/** What the model says of a face: a class, and the probability of that class, 0-1. */
data class Answer(val label: String, val probability: Double) {
    /** Whether the model hardly prefers this class to the other; see `facemask/inference/photos.py`. */
    val unsure get() = probability < UNSURE

    private companion object {
        const val UNSURE = 0.7
    }
}

/** The model: a part of a picture that shows one face -> an answer. */
class Classifier(file: ByteBuffer) {
    val contract = Contract.read(ByteArray(file.capacity()).also { file.duplicate().get(it) })
    private val network = try {
        Network(file)
    } catch (error: IllegalArgumentException) { // made for a later runtime than this app's
        throw ModelRefused(ModelRefused.Reason.VERSION, "$error")
    }

    init {
        val side = contract.side
        val fits = network.inputType == DataType.UINT8 && network.inputShape == listOf(1, side, side, 3)
        if (!fits) {
            throw ModelRefused(ModelRefused.Reason.INPUT, "the network takes ${network.inputShape}")
        }
    }

    fun classify(picture: Pixels, face: Box): Answer {
        val (side, threshold) = contract.side to contract.threshold
        val scaled = picture.resized(face, side, side)
        val second = network.run { it.put(scaled.rgb) }.values.single().single().toDouble()
        val isSecond = second >= threshold
        return if (isSecond) Answer(contract.labels[1], second) else Answer(contract.labels[0], 1 - second)
    }
}
