//go:build cgo && !nojp2

#include "decode.h"

#include <openjpeg.h>
#include <string.h>

struct memory {
	const uint8_t *data;
	size_t size, at;
};

static OPJ_SIZE_T memory_read(void *buffer, OPJ_SIZE_T n, void *user) {
	struct memory *m = user;
	if (m->at >= m->size)
		return (OPJ_SIZE_T)-1;
	if (n > m->size - m->at)
		n = m->size - m->at;
	memcpy(buffer, m->data + m->at, n);
	m->at += n;
	return n;
}

static OPJ_OFF_T memory_skip(OPJ_OFF_T n, void *user) {
	struct memory *m = user;
	if (n < 0 || (OPJ_SIZE_T)n > m->size - m->at)
		return -1;
	m->at += (size_t)n;
	return n;
}

static OPJ_BOOL memory_seek(OPJ_OFF_T n, void *user) {
	struct memory *m = user;
	if (n < 0 || (OPJ_SIZE_T)n > m->size)
		return OPJ_FALSE;
	m->at = (size_t)n;
	return OPJ_TRUE;
}

static int copy_out(const opj_image_t *image, int32_t *out, uint32_t width, uint32_t height) {
	const opj_image_comp_t *c = image->comps;
	if (image->numcomps != 1 || c->w != width || c->h != height || !c->data)
		return JCS_MISMATCH;
	memcpy(out, c->data, (size_t)width * height * sizeof *out);
	return JCS_OK;
}

static int decode(opj_codec_t *codec, opj_stream_t *stream, opj_image_t **image, int32_t *out,
                  uint32_t width, uint32_t height) {
	opj_dparameters_t parameters;
	opj_set_default_decoder_parameters(&parameters);
	if (!opj_setup_decoder(codec, &parameters) || !opj_decoder_set_strict_mode(codec, OPJ_TRUE))
		return JCS_SETUP;
	if (!opj_read_header(stream, codec, image))
		return JCS_HEADER;
	if ((*image)->numcomps != 1 || (*image)->x1 - (*image)->x0 != width || (*image)->y1 - (*image)->y0 != height)
		return JCS_MISMATCH;
	if (!opj_decode(codec, stream, *image) || !opj_end_decompress(codec, stream))
		return JCS_DATA;
	return copy_out(*image, out, width, height);
}

int jcs_decode(const uint8_t *data, size_t size, int32_t *out, uint32_t width, uint32_t height) {
	struct memory m = {data, size, 0};
	opj_codec_t *codec = opj_create_decompress(OPJ_CODEC_J2K);
	opj_stream_t *stream = opj_stream_create(64 * 1024, OPJ_TRUE);
	opj_image_t *image = NULL;
	int rc = JCS_SETUP;
	if (codec && stream) {
		opj_stream_set_user_data(stream, &m, NULL);
		opj_stream_set_user_data_length(stream, size);
		opj_stream_set_read_function(stream, memory_read);
		opj_stream_set_skip_function(stream, memory_skip);
		opj_stream_set_seek_function(stream, memory_seek);
		rc = decode(codec, stream, &image, out, width, height);
	}
	opj_image_destroy(image);
	if (stream)
		opj_stream_destroy(stream);
	if (codec)
		opj_destroy_codec(codec);
	return rc;
}
