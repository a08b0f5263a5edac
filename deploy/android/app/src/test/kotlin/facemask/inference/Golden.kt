package facemask.inference

import java.io.File
import java.util.Base64
import org.json.JSONArray
import org.json.JSONObject

/** What Python makes of the same inputs; `tools/golden.py` says what is in these files. */
fun golden(name: String): List<JSONObject> =
    JSONArray(File("../../tests/golden/$name.json").readText()).run { List(length(), ::getJSONObject) }

fun JSONObject.bytes(key: String): ByteArray = Base64.getDecoder().decode(getString(key))

fun JSONObject.objects(key: String): List<JSONObject> =
    getJSONArray(key).run { List(length(), ::getJSONObject) }

fun JSONArray.numbers(): List<Double> = List(length(), ::getDouble)

fun JSONArray.box(): Box = numbers().map(Double::toInt).let { (left, top, right, bottom) ->
    Box(left, top, right, bottom)
}

fun JSONObject.margins() = CropMargins(getDouble("scale"), getDouble("up"))

val FACE_FINDER = File("../../facemask/inference/face_finder.json").readText()
