package facemask.app

import facemask.inference.bytes
import facemask.inference.golden
import java.io.File
import java.nio.ByteBuffer
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner

@RunWith(RobolectricTestRunner::class)
class PictureTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun `each orientation is turned upright`() {
        for (case in golden("orientation")) {
            val file = folder.newFile().apply { writeBytes(case.bytes("jpeg")) }
            val picture = pixelsOf(readPicture(file))
            val (width, height) = case.getInt("upright_width") to case.getInt("upright_height")
            assertEquals(8 * width to 8 * height, picture.width to picture.height)
            val expected = case.bytes("upright")
            for (y in 0 until height) for (x in 0 until width) for (channel in 0 until 3) {
                val seen = picture.rgb[3 * ((8 * y + 4) * picture.width + 8 * x + 4) + channel].toInt() and 255
                val wanted = expected[3 * (y * width + x) + channel].toInt() and 255
                assertTrue("orientation ${case.getInt("orientation")}", seen - wanted in -9..9)
            }
        }
    }

    @Test
    fun `a camera's picture in each position`() {
        // 4 x 2 pixels, light from left to right, red above and blue below
        val luma = ByteBuffer.wrap(byteArrayOf(10, 20, 30, 40, 0, 50, 60, 70, 80, 0))
        val blue = ByteBuffer.wrap(byteArrayOf(-128, 0, -128))
        val planes = Triple(Plane(luma, 5, 1), Plane(blue, 4, 2), Plane(blue, 4, 2))
        val (y, u, v) = planes
        val lying = pixelsOf(4, 2, y, u, v, turns = 0)
        val greys = { rgb: ByteArray -> List(8) { rgb[3 * it].toInt() } }
        assertEquals(listOf(10, 20, 30, 40, 50, 60, 70, 80), greys(lying.rgb))
        assertEquals(listOf(50, 10, 60, 20, 70, 30, 80, 40), greys(pixelsOf(4, 2, y, u, v, turns = 1).rgb))
        assertEquals(listOf(80, 70, 60, 50, 40, 30, 20, 10), greys(pixelsOf(4, 2, y, u, v, turns = 2).rgb))
        assertEquals(listOf(40, 80, 30, 70, 20, 60, 10, 50), greys(pixelsOf(4, 2, y, u, v, turns = 3).rgb))
        val red = Plane(ByteBuffer.wrap(byteArrayOf(-1)), 1, 1)
        val grey = Plane(ByteBuffer.wrap(byteArrayOf(-128)), 1, 1)
        val light = Plane(ByteBuffer.wrap(byteArrayOf(100)), 1, 1)
        val colour = pixelsOf(1, 1, light, grey, red, turns = 0).rgb.map { it.toInt() and 255 }
        assertEquals(listOf(255, 9, 100), colour) // 100 + 1.402 x 127 and 100 - 0.714136 x 127
    }
}
