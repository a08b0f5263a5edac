package facemask.inference

import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tensorflow.lite.DataType
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor

/** A `.tflite` network, to be used by one thread at a time. */
class Network(file: ByteBuffer) {
    private val interpreter = Interpreter(file, Interpreter.Options().setNumThreads(1))
    val input: Tensor = interpreter.getInputTensor(0)
    val outputs: List<Tensor> = List(interpreter.outputTensorCount, interpreter::getOutputTensor)
    private val fed = buffer(input)
    private val given = outputs.map(::buffer)

    /** Compute what the network answers: the numbers of each output, by the size of its last axis. */
    fun run(write: (ByteBuffer) -> Unit): Map<Int, FloatArray> {
        write(fed.apply { clear() })
        fed.rewind()
        given.forEach(ByteBuffer::clear)
        interpreter.runForMultipleInputsOutputs(arrayOf(fed), given.withIndex().associate { it.index to it.value })
        return outputs.zip(given).associate { (tensor, numbers) ->
            numbers.rewind()
            tensor.shape().last() to FloatArray(tensor.numElements()).also(numbers.asFloatBuffer()::get)
        }
    }

    private fun buffer(tensor: Tensor): ByteBuffer =
        ByteBuffer.allocateDirect(tensor.numBytes()).order(ByteOrder.nativeOrder())
}
