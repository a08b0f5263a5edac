/* What Bionic, Android's C library, has beside glibc or in another way, as far as TensorFlow Lite
   uses it. */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SIZE 152       /* of a stream there */
#define GLIBC_SIZE 224 /* of a stream here, with the pointer behind it */

/* stdin, stdout and stderr in a row; of these it writes to stderr alone. */
_Alignas(16) char __sF[2 * SIZE + GLIBC_SIZE];

__attribute__((constructor)) static void put_stderr_in_its_place(void) {
  memcpy(__sF + 2 * SIZE, stderr, GLIBC_SIZE);
}

int *__errno(void) { return __errno_location(); }

size_t __strlen_chk(const char *text, size_t size) {
  (void)size;
  return strlen(text);
}

/* Its numbers are others there; for_glibc.py writes the name with a capital letter. */
long Sysconf(int name) {
  switch (name) {
    case 0x27: return sysconf(_SC_PAGESIZE);
    case 0x60: return sysconf(_SC_NPROCESSORS_CONF);
    case 0x61: return sysconf(_SC_NPROCESSORS_ONLN);
    default: errno = EINVAL; return -1;
  }
}

/* From Android 5 on the library takes XNNPACK, whose symbols it asks the loader for. Android's loader
   also looks in the library that asks, glibc's in those that are open to all. */
int __system_property_get(const char *name, char *value) {
  *value = 0;
  if (!strcmp(name, "ro.build.version.sdk")) {
    strcpy(value, "35");
    dlopen("libtensorflowlite_jni.so", RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL);
  }
  return strlen(value);
}

void android_set_abort_message(const char *message) { fprintf(stderr, "%s\n", message); }

int __android_log_vprint(int priority, const char *tag, const char *format, va_list values) {
  return fprintf(stderr, "%d %s: ", priority, tag) + vfprintf(stderr, format, values) +
         fputc('\n', stderr);
}
