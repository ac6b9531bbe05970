"""How an invoice stands, in Chinese."""

from collections.abc import Mapping
from typing import Final

from kashi_server.domain.invoice import InvoiceStatus

STATUS_ZH: Final[Mapping[InvoiceStatus, str]] = {
    InvoiceStatus.NORMAL: "正常",
    InvoiceStatus.PARTLY_RED: "部分红冲",
    InvoiceStatus.RED: "已红冲",
    InvoiceStatus.VOID: "已作废",
}
