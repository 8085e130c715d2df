"""Reports: figures as pure functions of Datasets, and the document that carries them."""

from reliability.report import figures
from reliability.report.document import write_report
from reliability.report.fit_report import write_fit_report

__all__ = ["figures", "write_fit_report", "write_report"]
