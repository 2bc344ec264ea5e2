#ifndef JCS_OPENJPEG_DECODE_H
#define JCS_OPENJPEG_DECODE_H

#include <stddef.h>
#include <stdint.h>

enum { JCS_OK, JCS_SETUP, JCS_HEADER, JCS_MISMATCH, JCS_DATA };

/* Decodes one codestream of one component into width x height samples. Nothing is
 * decoded before the size in its header is compared with width and height. */
int jcs_decode(const uint8_t *data, size_t size, int32_t *out, uint32_t width, uint32_t height);

#endif
