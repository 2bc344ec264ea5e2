"""Makes the inputs of this folder out of the phantom: every transfer syntax that DCMTK, OpenJPEG (in GDCM), OpenJPH and libjpeg-turbo (in
imagecodecs) and pydicom write, every character set, and files broken by rule. What they decode to is said by other decoders than ours:
the raw values themselves where nothing is lost, dcmdjpeg, dcmdjpls, GDCM and OpenJPH where something is.

    make build && bin/jcsnode phantom --out /tmp/phantom --slices 3 --lesions
    pip install pydicom numpy python-gdcm imagecodecs    # and DCMTK's tools
    python testdata/syntaxes/make.py /tmp/phantom

Everything here is synthetic. The tests read the tables (manifest.csv, malformed.csv, charsets.csv) and need none of this.
"""

import copy
import csv
import hashlib
import io
import pathlib
import struct
import subprocess
import sys
import tempfile

import gdcm
import imagecodecs
import numpy as np
import pydicom
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGLSLossless

HERE = pathlib.Path(__file__).resolve().parent
NAMES = {
    "1.2.840.10008.1.2": "implicit-le", "1.2.840.10008.1.2.1": "explicit-le", "1.2.840.10008.1.2.2": "explicit-be",
    "1.2.840.10008.1.2.1.99": "deflated", "1.2.840.10008.1.2.5": "rle", "1.2.840.10008.1.2.4.50": "jpeg-baseline",
    "1.2.840.10008.1.2.4.51": "jpeg-extended-12bit", "1.2.840.10008.1.2.4.57": "jpeg-lossless-p14-sv6",
    "1.2.840.10008.1.2.4.70": "jpeg-lossless-sv1", "1.2.840.10008.1.2.4.80": "jpegls-lossless",
    "1.2.840.10008.1.2.4.81": "jpegls-near2", "1.2.840.10008.1.2.4.90": "j2k-lossless", "1.2.840.10008.1.2.4.91": "j2k-lossy",
    "1.2.840.10008.1.2.4.201": "htj2k-lossless", "1.2.840.10008.1.2.4.202": "htj2k-lossless-rpcl", "1.2.840.10008.1.2.4.203": "htj2k-lossy",
}


def run(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


def smaller(study):
    """The middle slices of the phantom at 128 x 128, Hounsfield units [n, 128, 128]."""
    out = []
    for path in sorted(study.glob("*.dcm")):
        data = pydicom.dcmread(path)
        hu = data.pixel_array.astype(float) * float(data.RescaleSlope) + float(data.RescaleIntercept)
        out.append(hu.reshape(128, 4, 128, 4).mean((1, 3)).round())
    return data, np.stack(out)


def image(source, values, bits, signed, intercept, frames=1):
    """A CT of stored values in explicit VR little endian. What is not about pixels is the phantom's."""
    data = copy.deepcopy(source)
    allocated = 8 if bits == 8 else 16
    data.PixelData = values.astype(("i" if signed else "u") + str(allocated // 8)).tobytes()
    data.Rows = data.Columns = 128
    spacing = float(source.PixelSpacing[0]) * 4
    data.PixelSpacing = [spacing, spacing]
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = allocated, bits, bits - 1, int(signed)
    data.RescaleIntercept, data.RescaleSlope = str(intercept), "1" if bits > 8 else "12"
    data["PixelData"].VR = "OB" if allocated == 8 else "OW"
    for keyword in ("PixelPaddingValue", "SmallestImagePixelValue", "LargestImagePixelValue"):
        if keyword in data:
            del data[keyword]
    if frames > 1:
        data.NumberOfFrames = frames
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return data


class Manifest:
    FIELDS = (
        "file,transfer_syntax_uid,name,image,expected,raw,rows,cols,frames,bits_allocated,bits_stored,signed,"
        "max_abs,mean_abs,decoded_sha256,encoder,remark,size"
    )

    def __init__(self):
        self.rows = []

    def add(self, path, image, expected, values, encoder, raw="", original=None, remark=""):
        """values are what the file decodes to, [frames, rows, columns]; original what a lossy one was made of."""
        data = pydicom.dcmread(path)
        difference = np.abs(values - original) if original is not None else np.zeros(1)
        uid = data.file_meta.TransferSyntaxUID
        self.rows.append([
            path.relative_to(HERE).as_posix(), uid, UID(uid).name, image, expected, raw, data.Rows, data.Columns,
            int(data.get("NumberOfFrames", 1)), data.BitsAllocated, data.BitsStored, data.PixelRepresentation,
            int(difference.max()), round(float(difference.mean()), 4), sha256(values), encoder, remark, path.stat().st_size,
        ])

    def write(self):
        with open(HERE / "manifest.csv", "w", newline="") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(self.FIELDS.split(","))
            out.writerows(sorted(self.rows))


def sha256(values):
    return hashlib.sha256((np.asarray(values).astype(np.int64) & 0xFFFF).astype("<u2").tobytes()).hexdigest()


def gdcm_change(source, target, uid, lossless=True):
    """GDCM's own encoder: OpenJPEG for JPEG 2000."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(source))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(uid)))
    if not lossless:
        codec = gdcm.JPEG2000Codec()
        codec.SetReversible(False)
        codec.SetRate(0, 8)
        change.SetUserCodec(codec)
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    writer.SetFileName(str(target))
    assert writer.Write()


def gdcm_values(path):
    """What GDCM decodes: [frames, rows, columns]."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    picture = reader.GetImage()
    kind = {"UINT8": "u1", "INT8": "i1", "UINT16": "<u2", "INT16": "<i2"}[picture.GetPixelFormat().GetScalarTypeAsString()]
    text = picture.GetBuffer().encode("utf-8", "surrogateescape")
    return np.frombuffer(text, kind).astype(int).reshape(-1, 128, 128)


def dcmtk_values(path, tool):
    with tempfile.TemporaryDirectory() as folder:
        plain = pathlib.Path(folder) / "plain.dcm"
        run(tool, path, plain)
        return pydicom.dcmread(plain).pixel_array.astype(int).reshape(-1, 128, 128)


def compressed(data, stream, target, uid, lossy):
    """Writes one frame that is encoded already."""
    data.PixelData = encapsulate([stream])
    data["PixelData"].VR, data["PixelData"].is_undefined_length = "OB", True
    data.file_meta.TransferSyntaxUID = UID(uid)
    if lossy:
        data.LossyImageCompression = "01"
    data.save_as(target, enforce_file_format=True)


def extended_jpeg(plain, target):
    """Writes the file with libjpeg-turbo: dcmcjpeg would change the values."""
    data = pydicom.dcmread(plain)
    compressed(data, imagecodecs.jpeg8_encode(data.pixel_array, level=95, bitspersample=12), target, "1.2.840.10008.1.2.4.51", lossy=True)


def high_throughput(plain, target, uid, level=0):
    """Writes the file with OpenJPH, which writes the order RPCL; returns what OpenJPH decodes: [frames, rows, columns]."""
    data = pydicom.dcmread(plain)
    stream = imagecodecs.htj2k_encode(data.pixel_array, level=level or None, reversible=level == 0, tlm="rpcl" in target.stem)
    compressed(data, stream, target, uid, lossy=level > 0)
    return imagecodecs.htj2k_decode(stream).astype(int)[None]


def syntaxes(source, hu, manifest):
    stored = {
        "ct_s16": (hu[1].clip(-1024, 3071), 16, True, 0),
        "ct_u12": ((hu[1] + 1024).clip(0, 4095), 12, False, -1024),
        "window8": (((hu[1] + 1350) / 1500 * 255).round().clip(0, 255), 8, False, -1350),
    }
    (HERE / "raw").mkdir(exist_ok=True)
    for name, (values, bits, signed, intercept) in stored.items():
        values = values.astype(int)[None]
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        plain = folder / "explicit-le.dcm"
        image(source, values, bits, signed, intercept).save_as(plain, enforce_file_format=True)
        raw = HERE / "raw" / f"{name}.raw"
        raw.write_bytes((values & 0xFFFF).astype("<u2").tobytes())

        def target(uid):
            return folder / (NAMES[uid] + ".dcm")

        def exact(uid, encoder):
            manifest.add(target(uid), name, "exact", values, encoder, raw=f"raw/{name}.raw")

        exact("1.2.840.10008.1.2.1", "pydicom")
        for uid, option in (("1.2.840.10008.1.2", "+ti"), ("1.2.840.10008.1.2.2", "+tb"), ("1.2.840.10008.1.2.1.99", "+td")):
            run("dcmconv", option, plain, target(uid))
            exact(uid, "DCMTK")
        run("dcmcrle", plain, target("1.2.840.10008.1.2.5"))
        exact("1.2.840.10008.1.2.5", "DCMTK")
        for uid, options in (("1.2.840.10008.1.2.4.57", ("+el", "+sv", 6)), ("1.2.840.10008.1.2.4.70", ("+e1",))):
            run("dcmcjpeg", *options, "+tl", plain, target(uid))
            exact(uid, "DCMTK")
        run("dcmcjpls", "+el", plain, target("1.2.840.10008.1.2.4.80"))
        exact("1.2.840.10008.1.2.4.80", "DCMTK")
        gdcm_change(plain, target("1.2.840.10008.1.2.4.90"), "1.2.840.10008.1.2.4.90")
        exact("1.2.840.10008.1.2.4.90", "GDCM, OpenJPEG")
        for uid in ("1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202"):
            assert (high_throughput(plain, target(uid), uid) == values).all()
            exact(uid, "OpenJPH")

        def lossy(uid, encoder, decoded):
            manifest.add(target(uid), name, "lossy", decoded, encoder, raw=f"raw/{name}.raw", original=values)

        if not signed:
            run("dcmcjpls", "+en", "+md", 2, plain, target("1.2.840.10008.1.2.4.81"))
            lossy("1.2.840.10008.1.2.4.81", "DCMTK", dcmtk_values(target("1.2.840.10008.1.2.4.81"), "dcmdjpls"))
        gdcm_change(plain, target("1.2.840.10008.1.2.4.91"), "1.2.840.10008.1.2.4.91", lossless=False)
        lossy("1.2.840.10008.1.2.4.91", "GDCM, OpenJPEG", gdcm_values(target("1.2.840.10008.1.2.4.91")))
        uid = "1.2.840.10008.1.2.4.203"
        lossy(uid, "OpenJPH", high_throughput(plain, target(uid), uid, level=0.4 / 2 ** min(bits, 12)))
        if bits == 12:
            extended_jpeg(plain, target("1.2.840.10008.1.2.4.51"))
            lossy("1.2.840.10008.1.2.4.51", "libjpeg-turbo", dcmtk_values(target("1.2.840.10008.1.2.4.51"), "dcmdjpeg"))
        if bits == 8:
            run("dcmcjpeg", "+eb", "+q", 95, "+sr", plain, target("1.2.840.10008.1.2.4.50"))
            lossy("1.2.840.10008.1.2.4.50", "DCMTK", dcmtk_values(target("1.2.840.10008.1.2.4.50"), "dcmdjpeg"))
    return stored


def encapsulation(source, hu, manifest):
    """Three frames of JPEG-LS in every order of fragments and offset tables that PS3.5 A.4 allows."""
    values = (hu + 1024).clip(0, 4095).astype(int)
    frames = []
    for frame in values:
        with tempfile.TemporaryDirectory() as folder:
            plain, packed = pathlib.Path(folder) / "plain.dcm", pathlib.Path(folder) / "packed.dcm"
            image(source, frame, 12, False, -1024).save_as(plain, enforce_file_format=True)
            run("dcmcjpls", "+el", plain, packed)
            frames.append(next(pydicom.encaps.generate_frames(pydicom.dcmread(packed).PixelData, number_of_frames=1)))
    folder = HERE / "encapsulation"
    folder.mkdir(exist_ok=True)

    def write(name, pixels, frames=values, extended=None):
        data = image(source, values, 12, False, -1024, frames=len(frames))
        data.PixelData = pixels
        data["PixelData"].VR, data["PixelData"].is_undefined_length = "OB", True
        data.file_meta.TransferSyntaxUID = JPEGLSLossless
        if extended:
            data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths = extended
        path = folder / f"{name}.dcm"
        data.save_as(path, enforce_file_format=True)
        manifest.add(path, "encapsulation", "exact", frames, "DCMTK, pydicom")

    write("bot-empty", encapsulate(frames, has_bot=False))
    write("bot-filled", encapsulate(frames, has_bot=True))
    write("split-bot", encapsulate(frames, fragments_per_frame=3, has_bot=True))
    write("single-frame-5-fragments", encapsulate(frames[:1], fragments_per_frame=5, has_bot=False), values[:1])
    pixels, *tables = encapsulate_extended(frames)
    write("extended-offset-table", pixels, extended=tables)


CHARACTER_SETS = {  # Specific Character Set: family^given, and further component groups
    "ISO_IR 100": "Åström^Jürgen", "ISO_IR 101": "Łukasiewicz^Zbyněk", "ISO_IR 109": "Ħaż^Ĝorĝo", "ISO_IR 110": "Bērziņš^Šarūnas",
    "ISO_IR 144": "Бобров^Лука", "ISO_IR 127": "نور^سالم", "ISO_IR 126": "Λαμπρος^Πετρος", "ISO_IR 138": "לוי^דנה",
    "ISO_IR 148": "Yıldız^Çağrı", "ISO_IR 166": "ใจดี^สมชาย", "ISO_IR 13": "ﾀﾅｶ^ﾊﾅｺ", "ISO_IR 192": "Ångström^王小明 Žofie",
    "GB18030": "陈^小东", "GBK": "陈^小东", "ISO_IR 6": "PLAIN^NAME",
    "ISO 2022 IR 6\\ISO 2022 IR 87": "Tanaka^Hanako=田中^花子=たなか^はなこ", "ISO 2022 IR 6\\ISO 2022 IR 87\\ISO 2022 IR 159": "Mori^Ogai=森^鷗外",
    "ISO 2022 IR 13\\ISO 2022 IR 87": "ﾀﾅｶ^ﾊﾅｺ=田中^花子=たなか^はなこ", "ISO 2022 IR 6\\ISO 2022 IR 149": "Kim^Minji=金^民智=김^민지",
    "ISO 2022 IR 6\\ISO 2022 IR 58": "Chen^Xiaodong=陈^小东", "ISO 2022 IR 100\\ISO 2022 IR 144": "Grün^Ева",
}

GB2312 = b"\x1b$)A"  # designates G1; before every part, since ^ and = end it (PS3.5 6.1.2.5.3). pydicom leaves it out
BY_HAND = {
    "ISO 2022 IR 6\\ISO 2022 IR 58": b"Chen^Xiaodong=" + GB2312 + "陈".encode("gb2312") + b"^" + GB2312 + "小东".encode("gb2312"),
}


def character_sets(source, hu):
    """A slice whose patient's name is written in each."""
    folder = HERE / "charsets"
    folder.mkdir(exist_ok=True)
    rows = []
    for charset, name in CHARACTER_SETS.items():
        path = folder / (charset.lower().replace("\\", "+").replace("iso 2022 ", "").replace("iso_", "").replace(" ", "") + ".dcm")
        data = image(source, (hu[1][::16, ::16] + 1024).clip(0, 4095), 12, False, -1024)
        data.Rows = data.Columns = 8
        data.SpecificCharacterSet = charset.split("\\") if "\\" in charset else charset
        data.PatientName = name
        if charset in BY_HAND:
            data["PatientName"] = pydicom.DataElement(0x00100010, "PN", BY_HAND[charset])
        data.save_as(path, enforce_file_format=True)
        value = raw_value(path, 0x0010, 0x0010)
        read = str(pydicom.dcmread(path).PatientName).replace("\x1b$)A", "")  # which it leaves in
        assert read.rstrip("=") == name, charset  # another reader than ours agrees
        rows.append([path.relative_to(HERE).as_posix(), charset, name, value.hex(), "synthetic"])
    with open(HERE / "charsets.csv", "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["file", "specific_character_set", "patient_name", "raw_hex", "source"])
        out.writerows(sorted(rows))


LONG = (b"OB", b"OW", b"OF", b"OD", b"OL", b"SQ", b"UN", b"UC", b"UR", b"UT")


def elements(file):
    """Offset of the head, of the value, length and tag of each top-level element of explicit VR little endian, without sequences."""
    at = 132
    while at < len(file):
        group, number, vr, length = *struct.unpack_from("<HH", file, at), file[at + 4 : at + 6], 0
        head = 12 if vr in LONG else 8
        length = struct.unpack_from("<I" if head == 12 else "<H", file, at + head - (4 if head == 12 else 2))[0]
        yield at, at + head, length, (group, number)
        at += head + length


def raw_value(path, group, number):
    file = path.read_bytes()
    value, length = next((v, n) for _, v, n, tag in elements(file) if tag == (group, number))
    return file[value : value + length]


class Broken:
    """One good file, and how to break it."""

    def __init__(self, good):
        self.good = good
        self.where = {tag: (at, value, length) for at, value, length, tag in elements(good)}

    def value(self, tag, text):
        """The file with another value of an element; its length follows."""
        at, value, length = self.where[tag]
        text = text if isinstance(text, bytes) else text.encode()
        long = value - at == 12
        head = self.good[at : at + (8 if long else 6)] + struct.pack("<I" if long else "<H", len(text))
        return self.good[:at] + head + text + self.good[value + length :]

    def length(self, tag, number):
        """The file with another length of an element; its value stays."""
        at, value, _ = self.where[tag]
        size = 4 if value - at == 12 else 2
        return self.good[: value - size] + number.to_bytes(size, "little") + self.good[value:]

    def without(self, tag):
        at, value, length = self.where[tag]
        return self.good[:at] + self.good[value + length :]

    def before(self, tag, more):
        at = self.where[tag][0]
        return self.good[:at] + more + self.good[at:]


def element(group, number, vr, value, length=None):
    length = len(value) if length is None else length
    head = struct.pack("<HH", group, number) + vr
    return head + (b"\0\0" + struct.pack("<I", length) if vr in LONG else struct.pack("<H", length)) + value


def item(content, length=None):
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(content) if length is None else length) + content


ITEM_END, SEQUENCE_END = b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
UNDEFINED = 0xFFFFFFFF
PIXELS, ROWS, BITS, STORED, HIGH = (0x7FE0, 0x10), (0x28, 0x10), (0x28, 0x100), (0x28, 0x101), (0x28, 0x102)
SLOPE, POSITION, ORIENTATION, SPACING = (0x28, 0x1053), (0x20, 0x32), (0x20, 0x37), (0x28, 0x30)


def number16(*values):
    return struct.pack(f"<{len(values)}H", *values)


def malformed(source, hu):
    values = (hu[1][::4, ::4] + 1024).clip(0, 4095)
    data = image(source, values, 12, False, -1024)
    data.Rows = data.Columns = 32
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    b = Broken(buffer.getvalue())
    good, sha = b.good, sha256(values)
    at, value, length = b.where[PIXELS]
    meta_end = max(a + 8 + n for (group, _), (a, v, n) in b.where.items() if group == 2)
    cases = []

    def case(name, mutation, expected, file, decoded=""):
        cases.append((name, mutation, expected, file, decoded))

    case("empty", "0 bytes", "reject-dataset", b"")
    case("preamble-only", "preamble and DICM, nothing else", "reject-dataset", good[:132])
    case("noise", "noise", "reject-dataset", np.random.default_rng(1).bytes(2000))
    case("cut-in-tag", "file ends inside a tag", "reject-dataset", good[: at + 2])
    case("cut-in-header", "file ends before the pixel module", "reject-pixels", good[: b.where[(0x28, 2)][0]])
    case("cut-in-pixels", "file ends inside Pixel Data", "reject-dataset", good[: value + length // 2])
    case("ts-unknown", "unknown transfer syntax", "reject-pixels", b.value((2, 0x10), b"1.2.3.4\0"))
    case("meta-length-huge", "file meta group length 2 GiB", "either", b.value((2, 0), struct.pack("<I", 1 << 31)))
    case("length-past-end", "Pixel Data longer than the file", "reject-dataset", b.length(PIXELS, 1 << 31))
    case("length-fffffffe", "Pixel Data length FFFFFFFE", "reject-dataset", b.length(PIXELS, 0xFFFFFFFE))
    case("text-past-end", "Patient ID longer than the file", "reject-dataset", b.length((0x10, 0x20), 65534))
    case("odd-length", "a text element of odd length", "decode", b.value((0x8, 0x60), b"CT "), sha)
    case("twice", "Modality twice", "either", b.before((0x8, 0x70), element(8, 0x60, b"CS", b"CT")))
    case("vr-unknown", "VR ZZ", "either", b.before((0x8, 0x70), element(8, 0x68, b"ZZ", b"AB")))
    undefined = element(8, 0x1140, b"SQ", item(element(8, 0x1150, b"UI", b"1.2\0") + ITEM_END, UNDEFINED) + SEQUENCE_END, UNDEFINED)
    case("sq-undefined", "sequence and item of undefined length", "decode", b.before((0x10, 0x10), undefined), sha)
    case("sq-empty", "empty sequence", "decode", b.before((0x10, 0x10), element(8, 0x1140, b"SQ", b"")), sha)
    case("sq-open", "undefined-length sequence that nothing ends", "reject-dataset", good[: b.where[(0x10, 0x10)][0]] + undefined[:-16])
    case("sq-no-item", "sequence that nobody needs, and that does not begin with an item", "decode",
         b.before((0x10, 0x10), element(8, 0x1140, b"SQ", b"\x08\0\x50\x11\0\0\0\0")), sha)
    case("item-too-long", "item longer than its sequence", "either",
         b.before((0x10, 0x10), element(8, 0x1140, b"SQ", item(b"", 4096))))
    deep = element(8, 0x1140, b"SQ", b"", UNDEFINED)[:12] + b"\xfe\xff\x00\xe0" + struct.pack("<I", UNDEFINED)
    case("sq-2000-open", "2000 sequences inside each other", "reject-dataset", good[: b.where[(0x10, 0x10)][0]] + deep * 2000)
    case("padding", "Data Set Trailing Padding", "decode", good + element(0xFFFC, 0xFFFC, b"OB", bytes(64)), sha)
    case("garbage", "garbage behind Pixel Data", "either", good + b"\xff" * 64)
    case("pixels-absent", "no Pixel Data", "reject-pixels", b.without(PIXELS))
    case("pixels-empty", "Pixel Data of length 0", "reject-pixels", b.value(PIXELS, b""))
    case("pixels-short", "one row missing", "reject-pixels", b.value(PIXELS, good[value : value + length - 64]))
    case("pixels-long", "one row too many", "either", b.value(PIXELS, good[value : value + length] + bytes(64)))
    case("pixels-undefined", "explicit little endian, but encapsulated", "reject-pixels",
         good[:at] + element(0x7FE0, 0x10, b"OB", item(b"") + item(good[value : value + length]) + SEQUENCE_END, UNDEFINED))
    case("rows-0", "Rows 0", "reject-pixels", b.value(ROWS, number16(0)))
    case("rows-65535", "65535 rows with 2 KB of pixels", "reject-pixels", b.value(ROWS, number16(65535)))
    case("rows-missing", "no Rows", "reject-pixels", b.without(ROWS))
    case("bits-0", "Bits Allocated 0", "reject-pixels", b.value(BITS, number16(0)))
    case("bits-12", "Bits Allocated 12", "reject-pixels", b.value(BITS, number16(12)))
    case("stored-20", "Bits Stored 20 of 16", "reject-pixels", b.value(STORED, number16(20)))
    case("stored-0", "Bits Stored 0", "reject-pixels", b.value(STORED, number16(0)))
    dirty = (values.astype("<u2") | 0x9000).tobytes()
    case("bits-above-stored", "garbage in the four bits above Bits Stored", "decode", b.value(PIXELS, dirty), sha)
    case("samples-3", "Samples per Pixel 3 on grey pixels", "reject-pixels", b.value((0x28, 2), number16(3)))
    case("frames-huge", "Number of Frames two thousand million", "reject-pixels",
         b.before(ROWS, element(0x28, 8, b"IS", b"2000000000")))
    case("sign-missing", "no Pixel Representation", "reject-pixels", b.without((0x28, 0x103)))
    case("slope-missing", "no Rescale Slope", "reject-geometry", b.without(SLOPE), sha)
    case("slope-0", "Rescale Slope 0", "reject-geometry", b.value(SLOPE, b"0 "), sha)
    case("slope-nan", "Rescale Slope NaN", "reject-geometry", b.value(SLOPE, b"NaN "), sha)
    case("slope-1e999", "Rescale Slope 1e999", "reject-geometry", b.value(SLOPE, b"1e999 "), sha)
    case("position-missing", "no Image Position", "reject-geometry", b.without(POSITION), sha)
    case("position-2", "Image Position of two values", "reject-geometry", b.value(POSITION, rb"0\0 "), sha)
    case("orientation-0", "Image Orientation all zero", "reject-geometry", b.value(ORIENTATION, rb"0\0\0\0\0\0 "), sha)
    case("spacing-0", "Pixel Spacing 0", "reject-geometry", b.value(SPACING, rb"0\0 "), sha)
    case("spacing-comma", "decimal comma in Pixel Spacing", "reject-geometry", b.value(SPACING, rb"0,7\0,7 "), sha)
    case("study-uid-empty", "empty Study Instance UID", "either", b.value((0x20, 0xD), b""))
    case("uid-letters", "letters in the Study Instance UID", "decode", b.value((0x20, 0xD), b"1.2.abc\0"), sha)
    assert meta_end < at
    folder = HERE / "malformed"
    folder.mkdir(exist_ok=True)
    with open(HERE / "malformed.csv", "w", newline="") as table:
        out = csv.writer(table, lineterminator="\n")
        out.writerow(["file", "mutation", "expected", "decoded_sha256"])
        for name, mutation, expected, file, decoded in cases:
            (folder / f"{name}.dcm").write_bytes(file)
            out.writerow([f"malformed/{name}.dcm", mutation, expected, decoded])


def main():
    source, hu = smaller(pathlib.Path(sys.argv[1]))
    manifest = Manifest()
    syntaxes(source, hu, manifest)
    encapsulation(source, hu, manifest)
    manifest.write()
    character_sets(source, hu)
    malformed(source, hu)


if __name__ == "__main__":
    main()
