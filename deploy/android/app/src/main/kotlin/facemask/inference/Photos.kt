package facemask.inference

import java.nio.ByteBuffer

/** A part of a picture that was classified; without a score it is not a face that was found. */
data class Found(val box: Box, val score: Double?, val answer: Answer)

/** The whole way from a picture to its faces and answers, as in `facemask/inference/photos.py`. */
class Photos(model: ByteBuffer, faceNetwork: ByteBuffer, faceDetector: String) {
    val classifier = Classifier(model)
    private val network = Network(faceNetwork)
    private val detector = FaceDetector(faceDetector) { pixels ->
        val outputs = network.run { it.asFloatBuffer().put(pixels) }
        RawFaces(outputs.getValue(BOXES), BOXES, outputs.getValue(LOGITS))
    }

    /** Find, crop and classify the faces, the surest first; with `small`, small ones too. */
    fun answer(picture: Pixels, small: Boolean = true): List<Found> =
        detector.find(picture, small).map { face ->
            val box = face.crop(classifier.contract.crop, picture.fullFrame)
            Found(box, face.score, classifier.classify(picture, box))
        }

    /** Classify a picture that is a crop of one face already. */
    fun answerFullFrame(picture: Pixels): Found =
        Found(picture.fullFrame, null, classifier.classify(picture, picture.fullFrame))

    private companion object {
        /** Sizes of the last axes of the face network's outputs. */
        const val BOXES = 16
        const val LOGITS = 1
    }
}
