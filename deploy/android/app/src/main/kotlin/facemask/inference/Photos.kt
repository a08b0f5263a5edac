package facemask.inference

import java.nio.ByteBuffer

/**
 * A face in a picture.
 *
 * @param box the part of the picture that shows the face
 * @param score how sure the face finder is, 0-1; null for a full frame that is classified as one face
 * @param answer null if the face is too small for an answer
 */
data class FaceAnswer(val box: Box, val score: Double?, val answer: Answer?)

/** Finds and classifies the faces in pictures, as `facemask/inference/photos.py` does. */
class Photos(model: ByteBuffer, faceNetwork: ByteBuffer, faceSettings: String) {
    val classifier = Classifier(model)
    private val networks = Network.load(faceNetwork)
    private val detector = FaceDetector(faceSettings) { side, rgb -> networks.getValue("side_$side").run(rgb) }

    /** Return the answers for the faces in a picture, the largest first; small ones only with `small`. */
    fun answer(picture: Pixels, small: Boolean = true): List<FaceAnswer> =
        detector.find(picture, small).map { face ->
            val box = face.crop(classifier.contract.crop, picture.fullFrame)
            val answer = if (detector.isTooSmall(face)) null else classifier.classify(picture, box)
            FaceAnswer(box, face.score, answer)
        }

    /** Classify a picture that is a crop of one face already. */
    fun answerFullFrame(picture: Pixels): FaceAnswer =
        FaceAnswer(picture.fullFrame, null, classifier.classify(picture, picture.fullFrame))
}
