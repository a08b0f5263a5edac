package facemask.inference

import java.nio.ByteBuffer
import org.tensorflow.lite.DataType
import org.tensorflow.lite.Tensor

/** The class of a face, and the probability of that class, 0-1. */
data class Answer(val label: String, val probability: Double) {
    /** Whether the model hardly prefers this class to the other, as in `facemask/inference/photos.py`. */
    val unsure get() = probability < UNSURE

    private companion object {
        const val UNSURE = 0.7
    }
}

/** A model that answers whether the face in a part of a picture wears a mask. */
class Classifier(file: ByteBuffer) {
    val contract = Contract.read(ByteArray(file.capacity()).also { file.duplicate().get(it) })
    private val network = try {
        Network.load(file).values.single()
    } catch (error: IllegalArgumentException) { // the file has operators that this runtime lacks
        throw ModelRefused(ModelRefused.Reason.RUNTIME, "$error")
    }

    init {
        val side = contract.side
        network.input.check(ModelRefused.Reason.INPUT, DataType.UINT8, listOf(1, side, side, 3))
        network.output.check(ModelRefused.Reason.OUTPUT, DataType.FLOAT32, listOf(1, 2))
    }

    private fun Tensor.check(reason: ModelRefused.Reason, type: DataType, shape: List<Int>) {
        if (dataType() != type || shape().toList() != shape) throw ModelRefused(reason, "${shape().toList()}")
    }

    fun classify(picture: Pixels, face: Box): Answer {
        val scaled = picture.resized(face, contract.side, contract.side)
        val probabilities = network.run(scaled.rgb)
        val index = if (probabilities[1] >= contract.threshold) 1 else 0
        return Answer(contract.labels[index], probabilities[index].toDouble())
    }
}
