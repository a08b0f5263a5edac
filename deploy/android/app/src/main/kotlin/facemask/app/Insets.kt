package facemask.app

import android.os.Build
import android.view.View
import android.view.WindowInsets

/** Keep the content of a screen, which goes from edge to edge, clear of the system's bars. */
fun View.keepClearOfBars() = setOnApplyWindowInsetsListener { view, insets ->
    if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.R) {
        val kinds = WindowInsets.Type.systemBars() or WindowInsets.Type.displayCutout()
        insets.getInsets(kinds).run { view.setPadding(left, top, right, bottom) }
        WindowInsets.CONSUMED
    } else {
        @Suppress("DEPRECATION")
        insets.run {
            view.setPadding(
                systemWindowInsetLeft, systemWindowInsetTop, systemWindowInsetRight, systemWindowInsetBottom,
            )
            consumeSystemWindowInsets()
        }
    }
}
