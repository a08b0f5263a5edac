package facemask.inference

import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor

/** A network with one input and one output, to be used by one thread at a time. */
class Network private constructor(private val interpreter: Interpreter, private val signature: String) {
    private val inputName = interpreter.getSignatureInputs(signature).single()
    private val outputName = interpreter.getSignatureOutputs(signature).single()
    val input: Tensor = interpreter.getInputTensorFromSignature(inputName, signature)
    val output: Tensor = interpreter.getOutputTensorFromSignature(outputName, signature)
    private val given = buffer(input)
    private val answer = buffer(output)

    /** Return the numbers that the network answers to a picture's bytes. */
    fun run(rgb: ByteArray): FloatArray {
        given.clear().put(rgb).rewind()
        answer.clear()
        interpreter.runSignature(mapOf(inputName to given), mapOf(outputName to answer), signature)
        answer.rewind()
        return FloatArray(answer.capacity() / Float.SIZE_BYTES).also(answer.asFloatBuffer()::get)
    }

    private fun buffer(tensor: Tensor): ByteBuffer =
        ByteBuffer.allocateDirect(tensor.numBytes()).order(ByteOrder.nativeOrder())

    companion object {
        /** Load the networks of a `.tflite` file, which share their weights, by their signatures. */
        fun load(file: ByteBuffer): Map<String, Network> {
            val interpreter = Interpreter(file, Interpreter.Options().setNumThreads(1))
            return interpreter.signatureKeys.associateWith { Network(interpreter, it) }
        }
    }
}
