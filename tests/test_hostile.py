"""Sources made to do harm: each is refused in one line, quarantined, or made harmless."""

import gzip
import hashlib
import io
import os
import ssl
import stat
import struct
import tarfile
import threading
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pandas as pd
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from PIL import Image

from facemask import pictures
from facemask.errors import UserError
from facemask.sources import archives, source
from facemask.sources.classes import find_classes
from facemask.sources.source import Entry, Source, download
from facemask.store.images import MAX_PIXELS, BadImageError, open_rgb
from tests.conftest import Run
from tests.helpers import CLASSES, png, raw_table, set_params, tiff

KINDS = ("zip", "tar", "tar.gz")


def pack(path: Path, files: Mapping[str, bytes]) -> Path:
    """Archive files under names as they are; what kind is in the archive's own name."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in files.items():
                packed.writestr(named(name), content)
        return path
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tape:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tape.addfile(member, io.BytesIO(content))
    return path


def named(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.filename = name  # else shortened or corrected
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def add_to_tar(path: Path, **attributes: object) -> Path:
    """Write a tar of one member that is all header."""
    member = tarfile.TarInfo("a/1.png")
    for name, value in attributes.items():
        setattr(member, name, value)
    with tarfile.open(path, "w") as tape:
        tape.addfile(member)
    return path


def entries(path: Path) -> dict[str, Entry]:
    return {entry.path: entry for entry in Source(path)}


def faults(path: Path) -> dict[str, str]:
    return {entry.path: entry.fault for entry in Source(path)}


def peak_memory(act: Callable[[], object]) -> int:
    """Run something; give the most bytes that Python held for it at once."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def everything_below(folder: Path) -> dict[Path, bytes]:
    """Read all that is outside the folders that `ingest` writes to."""
    made = {"data", "details", "plots", "timing"}
    files = (file for file in folder.rglob("*") if file.is_file())
    return {
        file: file.read_bytes() for file in files if not made & {part.name for part in file.parents}
    }


def quarantined() -> pd.DataFrame:
    """Read the quarantine; `why` is all that is said of a file."""
    table = pd.read_csv("data/quarantine.csv", keep_default_na=False)
    return table.assign(why=table["reason"] + ": " + table.get("detail", "")).set_index("path")


HOSTILE_NAMES = {
    "../evil.png": "outside/(..)/evil.png",
    "a/../../evil.png": "outside/a/(..)/(..)/evil.png",
    "/evil.png": "outside/evil.png",
    "C:/evil.png": "outside/C:/evil.png",
}


@pytest.mark.parametrize("kind", KINDS)
def test_names_that_lead_out_of_an_archive_are_refused_and_written_nowhere(
    project: Path, run: Run, kind: str
) -> None:
    images = {f.relative_to("data/faces").as_posix(): f.read_bytes() for f in faces()}
    hostile = dict.fromkeys(HOSTILE_NAMES, images["WithMask/0.png"])
    set_params(project, {"ingest.source": str(pack(Path(f"data/x.{kind}"), images | hostile))})
    before = everything_below(project.parent)
    run("ingest")
    assert everything_below(project.parent) == before
    assert not Path("/evil.png").exists()
    assert set(quarantined().index) == set(HOSTILE_NAMES.values())
    assert quarantined()["why"].str.contains("path leaves the source").all()
    assert len(raw_table()) == 20


def faces() -> list[Path]:
    return sorted(Path("data/faces").rglob("*.png"))


def test_backslashes_of_a_zip_made_on_windows_are_folders(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip", {"a\\1.png": b"1", "a\\": b"", "..\\2.png": b"2"})
    assert faults(path) == {"a/1.png": "", "outside/(..)/2.png": "path leaves the source"}


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "folder"])
def test_names_that_break_lines_or_terminals_are_written_as_text(tmp_path: Path, kind: str) -> None:
    hostile = ["a/new\nline.png", "a/\x1b[31mred.png", "a/\udcff\udc80.png", "a/back\\slash.png"]
    harmless = [
        "a/new\\nline.png",
        "a/\\x1b[31mred.png",
        "a/\\udcff\\udc80.png",
        "a/back\\\\slash.png",
    ]
    path = tmp_path / f"x.{kind}"
    if kind == "folder":
        (path / "a").mkdir(parents=True)
        for name in hostile:
            (path / name).write_bytes(b"1")
    else:
        pack(path, dict.fromkeys(hostile, b"1"))
    assert set(Source(path).names) == set(harmless)


def test_names_of_a_zip_that_break_lines_or_utf8_are_harmless(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.zip", {"a/new\nline.png": b"1", "a/é.png": b"2"})
    assert Source(path).names == ["a/new\\nline.png", "a/é.png"]
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xff"))
    with pytest.raises(UserError, match="cannot be read: 'utf-8' codec"):
        Source(path)


def test_a_hostile_name_takes_one_row_of_a_table(project: Path, run: Run) -> None:
    whole = faces()[0].read_bytes()
    Path("data/faces/WithMask/two\nrows, \x1b[31m.png").write_bytes(whole)
    Path("data/faces/WithMask/bad\r\nrow.png").write_bytes(b"no image")
    run("ingest")
    assert len(raw_table()) == 21
    assert len(Path("data/quarantine.csv").read_text().splitlines()) == 1 + 1
    assert "WithMask/two\\nrows, \\x1b[31m.png" in set(raw_table()["path"])


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_300_letters_and_names_alike_but_for_case_are_kept(
    tmp_path: Path, kind: str
) -> None:
    files = {"a/" + "x" * 300 + ".png": b"1", "a/Face.png": b"2", "a/face.PNG": b"3"}
    found = entries(pack(tmp_path / f"x.{kind}", files))
    assert {path: entry.content for path, entry in found.items()} == files


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", KINDS)
def test_of_files_with_one_name_the_last_counts(tmp_path: Path, kind: str) -> None:
    path = pack(tmp_path / f"x.{kind}", {"a/1.png": b"old", "./a//1.png": b"new"})
    assert len(Source(path)) == 1
    assert list(Source(path)) == [Entry("a/1.png", b"new")]


@pytest.mark.parametrize("first", "=+-@")
def test_no_path_begins_as_a_formula_does(tmp_path: Path, first: str) -> None:
    path = pack(tmp_path / "x.zip", {f"{first}cmd|' /C calc'!A0/1.png": b"1"})
    assert Source(path).names == [f"./{first}cmd|' /C calc'!A0/1.png"]


def test_a_formula_in_a_name_is_none_in_the_tables(project: Path, run: Run) -> None:
    Path("data/faces/=1+1.png").write_bytes(b"no image")
    Path("data/faces/@SUM(A1)").mkdir()
    for label in CLASSES:
        Path(f"data/faces/{label}").rename(f"data/faces/@SUM(A1)/{label}")
    run("ingest")
    assert "./=1+1.png" in quarantined().index
    assert "./@SUM(A1)/WithMask/0.png" in set(raw_table()["path"])
    for table in Path("data").glob("*.csv"):
        cells = pd.read_csv(table, dtype=str, keep_default_na=False).to_numpy().ravel()
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize("name", ["=cmd", "-x", "+x", "@x", "\x1b[31m"])
def test_a_class_that_is_a_formula_or_no_text_is_one_line(name: str) -> None:
    with pytest.raises(UserError, match="should begin with a letter, digit or underscore"):
        find_classes([source.harmless(f"{name}/1.png"), "b/1.png"])
    assert find_classes(["éa/1.png", "_b/1.png"]) == ("_b", "éa")


def test_links_out_of_a_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    folder = tmp_path / "faces"
    (folder / "a").mkdir(parents=True)
    (folder / "a/1.png").write_bytes(b"1")
    (folder / "a/inside.png").symlink_to("1.png")
    (folder / "a/outside.png").symlink_to("../../secret.png")
    (folder / "a/device.png").symlink_to("/dev/zero")
    (folder / "a/nowhere.png").symlink_to("nowhere")
    (folder / "a/self.png").symlink_to("self.png")
    (folder / "up").symlink_to("..")
    (folder / "loop").symlink_to(".")
    os.link(tmp_path / "secret.png", folder / "a/hard.png")
    link = tmp_path / "link"
    link.symlink_to(folder)
    found = entries(link)
    assert found["a/inside.png"].content == b"1"
    assert found["a/hard.png"].content == b"secret"  # no telling it from a file
    for name in ("a/outside.png", "a/device.png", "up"):
        assert found[name].content == b""
        assert found[name].fault.startswith("links out of the source; put a copy")
    assert "not a regular file" in found["loop"].fault
    assert found["a/nowhere.png"].fault
    assert found["a/self.png"].fault
    assert len(found) == 9


@pytest.mark.parametrize("as_source", [False, True])
def test_a_pipe_is_not_waited_for(tmp_path: Path, as_source: bool) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    end = threading.Timer(5, pipe.write_bytes, [b""])  # ends what waits, which then fails below
    end.start()
    if as_source:
        with pytest.raises(UserError, match="not a folder or a regular file"):
            Source(pipe)
    else:
        assert "not a regular file" in faults(tmp_path)["pipe.png"]
    end.cancel()


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE],
    ids=["symbolic link", "hard link", "character device", "block device", "pipe"],
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes) -> None:
    path = add_to_tar(tmp_path / "x.tar", type=kind, linkname="../../etc/passwd")
    assert faults(path) == {"a/1.png": "is a link or a device, not a regular file"}


def test_a_tar_with_holes_is_refused(tmp_path: Path) -> None:
    headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "999"}
    member = tarfile.TarInfo("a/1.png")
    member.pax_headers, member.size = headers, 512
    with tarfile.open(tmp_path / "x.tar", "w") as tape:
        tape.addfile(member, io.BytesIO(b"1\n0\n0\n".ljust(512, b"\0")))
    assert "not a regular file" in faults(tmp_path / "x.tar")["a/1.png"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, kind: int) -> None:
    info = zipfile.ZipInfo("a/1.png")
    info.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        packed.writestr(info, "../../etc/passwd")
    assert "not a regular file" in faults(tmp_path / "x.zip")["a/1.png"]


@pytest.mark.parametrize("kind", [*KINDS, "folder"])
def test_a_file_that_unpacks_to_too_much_is_refused_in_bounded_memory(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"x.{kind}"
    content = bytes(5 * archives.MAX_FILE_BYTES // 2)
    if kind == "folder":
        path.mkdir()
        (path / "1.png").write_bytes(content)
        (path / "2.png").write_bytes(b"2")
    else:
        pack(path, {"1.png": content, "2.png": b"2"})
    found: dict[str, Entry] = {}
    assert peak_memory(lambda: found.update(entries(path))) < 2.2 * archives.MAX_FILE_BYTES
    assert found["1.png"] == Entry("1.png", b"", "is larger than 100,000,000 bytes")
    assert found["2.png"].content == b"2"


def test_a_zip_that_lies_about_a_size_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("1.png", bytes(5 * archives.MAX_FILE_BYTES // 2))
        packed.infolist()[0].file_size = 1000
    found: dict[str, str] = {}
    path = tmp_path / "x.zip"
    assert peak_memory(lambda: found.update(faults(path))) < 2.2 * archives.MAX_FILE_BYTES
    assert "CRC" in found["1.png"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_by_a_method_that_cannot_be_bounded_is_refused(tmp_path: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as packed:
        packed.writestr("1.png", b"1")
    assert faults(tmp_path / "x.zip") == {"1.png": "is packed by another method than deflate"}


def test_a_zip_of_many_bombs_is_one_line(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        for number in range(11):
            packed.writestr(f"{number}.png", b"1")
            packed.infolist()[-1].file_size = archives.MAX_FILE_BYTES
    with pytest.raises(UserError, match="unpacks to more than 1,000,000,000 bytes"):
        Source(tmp_path / "x.zip")


def test_a_tar_of_many_bombs_is_one_line_before_it_is_unpacked(tmp_path: Path) -> None:
    member = tarfile.TarInfo("1.png")
    member.size = 4 * archives.MAX_UNPACKED_BYTES
    zeros = gzip.compress(bytes(10_000_000))
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(member.tobuf()) + 401 * zeros)
    with pytest.raises(UserError, match="unpacks to more than 1,000,000,000 bytes"):
        Source(tmp_path / "x.tar.gz")


def test_a_zip_whose_files_overlap_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("1.png", os.urandom(1000))
        packed.filelist *= 100  # each entry of the index gives the same bytes
    with pytest.raises(UserError, match="its files overlap"):
        Source(path)


def test_an_archive_in_an_archive_stays_closed(project: Path, run: Run) -> None:
    inner = pack(Path("data/inner.zip"), {"WithMask/inner.png": faces()[0].read_bytes()})
    files = {f.relative_to("data/faces").as_posix(): f.read_bytes() for f in faces()}
    path = pack(Path("data/x.tar"), files | {"WithMask/last.zip": inner.read_bytes()})
    set_params(project, {"ingest.source": str(path)})
    run("ingest")
    assert list(quarantined().index) == ["WithMask/last.zip"]
    assert "not an image" in quarantined()["why"].iloc[0]


def zip_of_nothing(count: int, name: bytes = b"") -> bytes:
    """Return a zip of so many empty files of one name."""
    attributes = (20, 20, 0, 0, 0, 0x21, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0)
    index = (struct.pack("<4s6H3L5H2L", b"PK\1\2", *attributes) + name) * count
    start = b"PK\3\4" + bytes(26)
    records = (44, 45, 45, 0, 0, count, count, len(index), len(start))
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", *records)
    end += struct.pack("<4sLQL", b"PK\6\7", 0, len(start) + len(index), 1)
    return (
        start
        + index
        + end
        + struct.pack("<4s4H2LH", b"PK\5\6", *[2**16 - 1] * 4, *[2**32 - 1] * 2, 0)
    )


def test_more_than_a_million_files_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a tenth of the files and of the bound: enough for a zip of the 64-bit format."""
    assert source.MAX_ENTRIES == 1_000_000
    bytes_of_name = 80
    assert source.MAX_ENTRIES * (46 + bytes_of_name) < archives.MAX_ZIP_INDEX_BYTES
    monkeypatch.setattr(source, "MAX_ENTRIES", 100_000)
    path = tmp_path / "x.zip"
    path.write_bytes(zip_of_nothing(source.MAX_ENTRIES + 1, b"1"))
    with pytest.raises(UserError, match="holds more than 100,000 files"):
        Source(path)


@pytest.mark.parametrize("kind", [*KINDS, "folder"])
def test_the_number_of_files_is_bounded_in_every_kind_of_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(source, "MAX_ENTRIES", 2)
    path = tmp_path / f"x.{kind}"
    if kind == "folder":
        path.mkdir()
        for number in range(3):
            (path / str(number)).touch()
    else:
        pack(path, {"1": b"", "2": b"", "3": b""})
    with pytest.raises(UserError, match="holds more than 2 files"):
        Source(path)


def test_an_index_that_would_fill_the_memory_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    count = 2 * archives.MAX_ZIP_INDEX_BYTES // 1046
    path.write_bytes(zip_of_nothing(count, b"1" * 1000))

    def list_files() -> None:
        with pytest.raises(UserError, match="a header of 255,"):
            Source(path)

    assert peak_memory(list_files) < 1_000_000


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_a_header_that_would_fill_the_memory_is_one_line(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("1.png")
    member.type, member.size = kind, 100_000_000
    path = tmp_path / "x.tar.gz"
    path.write_bytes(gzip.compress(member.tobuf() + bytes(member.size), 1))

    def list_files() -> None:
        with pytest.raises(UserError, match="a header of 100,000,256 bytes"):
            Source(path)

    assert peak_memory(list_files) < 10_000_000


def test_a_damaged_header_within_a_tar_does_not_end_it_unnoticed(tmp_path: Path) -> None:
    path = pack(tmp_path / "x.tar", {"1.png": b"1", "2.png": b"2"})
    content = bytearray(path.read_bytes())
    content[1024 + 10] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UserError, match="a header within it is damaged"):
        Source(path)


def test_a_description_cannot_do_harm(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"1")
    (tmp_path / "README.txt").write_bytes(b"\x1b[31mred\xff" + b"x" * 1000 + b"\nmore")
    assert Source(tmp_path).description == ("\\x1b[31mred\ufffd" + "x" * 1000)[:200]
    (tmp_path / "README.txt").unlink()
    (tmp_path / "README.txt").symlink_to("/etc/hostname")
    assert Source(tmp_path).description == ""


def test_a_source_whose_path_is_none_is_one_line() -> None:
    for path in ("x" * 5000, "a\0b"):
        with pytest.raises(UserError, match="ingest.source = "):
            Source(path)


def reason(content: bytes) -> str:
    """Tell why bytes are refused; opening and asking for the format must not differ in kind."""
    with pytest.raises(BadImageError) as refusal:
        open_rgb(content)
    return refusal.value.reason


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("pixels", [MAX_PIXELS, 100_000_000, 150_000_000, 2**31])
def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(pixels: int) -> None:
    side = int(pixels**0.5) + 1
    assert reason(png(side, side, b"")) == "too many pixels"
    with pytest.raises(BadImageError, match=f"{side} x {side} pixels, more than 64,000,000"):
        open_rgb(png(side, side, b""))


def test_a_tile_of_too_many_pixels_is_refused() -> None:
    tags = {256: 8, 257: 8, 258: 8, 259: 8, 262: 1, 277: 1, 322: 9000, 323: 9000, 325: 1}
    assert reason(tiff(tags, b"1", place=324)) == "too many pixels"


@pytest.mark.parametrize("chunk", [b"zTXt", b"iTXt", b"iCCP"])
def test_a_png_with_a_bomb_beside_the_pixels_is_refused_in_bounded_memory(chunk: bytes) -> None:
    middle = b"\0\1\0\0\0" if chunk == b"iTXt" else b"\0\0"
    bomb = png(8, 8, bytes(8 * 25), (chunk, b"x" + middle + zlib.compress(bytes(50_000_000))))
    assert peak_memory(lambda: reason(bomb)) < 10_000_000


class Server(HTTPServer):
    """Serves `content` at every address; `sent` of its bytes, whatever it promised."""

    content = b""
    sent: int | None = None
    requests = 0


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        self.server.requests += 1
        if self.path.startswith("/missing"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content[: self.server.sent])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost; give its file and that of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(key.private_bytes(pem, *private))
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def server(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Server]:
    """A web server on this computer, whose certificate is trusted."""
    cert, key = certificate(tmp_path_factory.mktemp("server"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cert))
    monkeypatch.setenv("NO_PROXY", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with Server(("localhost", 0), Handler) as web:
        web.socket = context.wrap_socket(web.socket, server_side=True)
        thread = threading.Thread(target=web.serve_forever, args=[0.01])
        thread.start()
        yield web
        web.shutdown()
        thread.join()


def address(server: Server, path: str = "/faces.zip") -> str:
    return f"https://localhost:{server.server_port}{path}"


def test_an_archive_on_the_web_is_fetched_once_and_read(project: Path, server: Server) -> None:
    files = {f.relative_to("data/faces").as_posix(): f.read_bytes() for f in faces()}
    server.content = pack(project / "x.zip", files).read_bytes()
    sha256 = hashlib.sha256(server.content).hexdigest()
    for _ in range(2):
        fetched_source = Source(address(server), sha256=sha256, downloads=project / "data/web")
        assert {entry.path: entry.content for entry in fetched_source} == files
    assert server.requests == 1
    assert [file.name for file in (project / "data/web").iterdir()] == [sha256]


def test_other_bytes_than_expected_are_one_line_and_not_kept(
    tmp_path: Path, server: Server
) -> None:
    server.content = b"something else"
    found = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(UserError) as refusal:
        download(address(server), "0" * 64, tmp_path)
    message = f"ingest.sha256 = '{'0' * 64}': the fetched file has the SHA-256 {found}"
    assert str(refusal.value) == message
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_breaks_off_leaves_nothing_and_can_be_repeated(
    tmp_path: Path, server: Server
) -> None:
    server.content = os.urandom(100_000)
    server.sent = 50_000
    sha256 = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(UserError, match="cannot be fetched"):
        download(address(server), sha256, tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / sha256).write_bytes(server.content[:50_000])  # however it came there
    server.sent = None
    assert download(address(server), sha256, tmp_path).read_bytes() == server.content


def test_an_address_that_cannot_be_used_is_one_line(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in ("http://localhost/x.zip", "ftp://localhost/x.zip", "file:///etc/passwd"):
        with pytest.raises(UserError, match="an address should begin with https:// or s3://"):
            Source(url, sha256="0" * 64, downloads=tmp_path)
    for sha256 in (None, "", "0" * 63, "md5:0"):
        with pytest.raises(UserError, match=r"ingest.sha256 = .* 64 hexadecimal digits"):
            Source(address(server), sha256=sha256, downloads=tmp_path)
    for url in (address(server, "/missing"), "https://localhost:1/x.zip", "https://", "https://[/"):
        with pytest.raises(UserError, match=r"ingest.source = '.*': cannot be fetched: "):
            download(url, "0" * 64, tmp_path)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(UserError, match="cannot be fetched: .*certificate"):
        download(address(server), "0" * 64, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_files_that_a_tape_holds_twice_are_read_in_one_pass(tmp_path: Path) -> None:
    """Else each is sought from the beginning, as it is unpacked: quadratic in time."""
    path = tmp_path / "x.tar.gz"
    names = [f"a/{number}.png" for number in range(400)]
    with tarfile.open(path, "w:gz") as tape:
        for name in names + names[::-1]:
            member = tarfile.TarInfo(name)
            member.size = 20_000
            tape.addfile(member, io.BytesIO(name.encode().ljust(20_000)))
    assert [entry.path for entry in Source(path)] == names[::-1]


def test_a_name_that_would_take_for_ever_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a name of more than 4,096 characters"):
        Source(pack(tmp_path / "x.zip", {"a/" + "b" * 5000: b"1"}))


def test_a_long_name_is_shortened_at_once() -> None:
    assert pictures.captioned(Image.new("RGB", (10, 10)), ["x" * 10_000_000]).width == 208
