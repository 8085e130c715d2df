"""Write STDF V4 records by the specification, in either byte order: an oracle for the importer."""

import struct
from collections.abc import Sequence


class StdfWriter:
    """Builds a file record by record; ``order`` is "<" (CPU type 2) or ">" (CPU type 1)."""

    def __init__(self, order: str) -> None:
        self.order = order
        self.data = b""
        self.record(0, 10, bytes([2 if order == "<" else 1, 4]))

    def record(self, kind: int, sub: int, body: bytes) -> None:
        self.data += struct.pack(self.order + "HBB", len(body), kind, sub) + body

    def pack(self, form: str, *values: object) -> bytes:
        return struct.pack(self.order + form, *values)

    @staticmethod
    def text(value: str) -> bytes:
        return bytes([len(value)]) + value.encode("latin-1")

    def mir(self, lot: str, temperature: str) -> None:
        body = self.pack("IIBcccHc", 1, 2, 1, b"P", b" ", b" ", 65535, b" ")
        for entry in (lot, "part", "node", "tester", "job", "", "", "", "", "", "", temperature):
            body += self.text(entry)
        self.record(1, 10, body)

    def wcr(
        self,
        width: float,
        height: float,
        units: int,
        flat: str,
        centre: tuple[int, int],
        x: str,
        y: str,
    ) -> None:
        body = self.pack("fffBchh", 300.0, height, width, units, flat.encode(), *centre)
        self.record(2, 30, body + x.encode() + y.encode())

    def wir(self, wafer: str) -> None:
        self.record(2, 10, self.pack("BBI", 1, 255, 0) + self.text(wafer))

    def wrr(self, wafer: str, parts: int) -> None:
        missing = 0xFFFFFFFF
        numbers = (parts, missing, missing, missing, missing)
        self.record(2, 20, self.pack("BBIIIIII", 1, 255, 0, *numbers) + self.text(wafer))

    def pir(self, site: int) -> None:
        self.record(5, 10, self.pack("BB", 1, site))

    def ptr(
        self, test: int, site: int, value: float, name: str = "", unit: str = "", flags: int = 0
    ) -> None:
        body = self.pack("IBBBBf", test, 1, site, flags, 0, value)
        if name:  # later records of a test leave these out, as testers do
            body += self.text(name) + self.text("") + self.pack("Bbbbff", 0x0E, 6, 0, 0, 0.0, 0.0)
            body += self.text(unit)
        self.record(15, 10, body)

    def mpr(self, test: int, site: int, values: Sequence[float], name: str, unit: str) -> None:
        count = len(values)
        body = self.pack("IBBBBHH", test, 1, site, 0, 0, 0, count)
        body += b"".join(self.pack("f", value) for value in values)
        body += self.text(name) + self.text("") + self.pack("Bbbbffff", 0x0E, 6, 0, 0, 0, 0, 0, 0)
        self.record(15, 15, body + self.text(unit))

    def prr(self, site: int, x: int, y: int, part: str = "", flags: int = 0) -> None:
        body = self.pack("BBBHHHhhI", 1, site, flags, 1, 1, 1, x, y, 0)
        self.record(5, 20, body + self.text(part))

    def mrr(self) -> None:
        self.record(1, 20, self.pack("I", 3))
