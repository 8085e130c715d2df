"""Reports: figures as pure functions of Datasets, and the document that carries them."""

from typing import TYPE_CHECKING

from reliability.first_use import first_use

if TYPE_CHECKING:
    from reliability.report import figures
    from reliability.report.document import write_report
    from reliability.report.fit_report import write_fit_report

__all__ = ["figures", "write_fit_report", "write_report"]

__getattr__, __dir__ = first_use(__name__)
