"""Storage commitment requestor of pynetdicom: asks about instances and prints the report that comes.

commitment.py HOST PORT OWN_PORT same|new TRANSACTION CLASS INSTANCE [INSTANCE...]
"same" keeps its association open for the report, "new" releases it and takes the report on OWN_PORT.
"""

import queue
import sys
import threading

from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.sop_class import StorageCommitmentPushModel

host, port, own_port, mode, transaction, sop_class = sys.argv[1:7]
reports = queue.Queue()
reported, answered = threading.Event(), threading.Event()


def on_report(event):
    data = event.event_information
    good = [i.ReferencedSOPInstanceUID for i in data.get("ReferencedSOPSequence", [])]
    failed = ["%s %04XH" % (i.ReferencedSOPInstanceUID, i.FailureReason) for i in data.get("FailedSOPSequence", [])]
    reported.set()
    reports.put("%d %s | %s | %s" % (event.event_type, data.TransactionUID, " ".join(good), " ".join(failed)))
    return 0x0000, None


def on_sent(event):
    if reported.is_set() and isinstance(event.pdu, P_DATA_TF):
        answered.set()


ae = AE(ae_title="CT1")
ae.add_requested_context(StorageCommitmentPushModel)
ae.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
handlers = [(evt.EVT_N_EVENT_REPORT, on_report), (evt.EVT_PDU_SENT, on_sent)]
server = ae.start_server(("127.0.0.1", int(own_port)), block=False, evt_handlers=handlers)

request = Dataset()
request.TransactionUID = transaction
request.ReferencedSOPSequence = []
for uid in sys.argv[7:]:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = uid
    request.ReferencedSOPSequence.append(item)

association = ae.associate(host, int(port), ae_title="JCS", evt_handlers=handlers)
if not association.is_established:
    sys.exit("no association")
status, _ = association.send_n_action(request, 1, StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1")
print("status %04XH" % status.Status)
if mode == "new":
    association.release()
print(reports.get(timeout=30))
if mode == "same":
    answered.wait(30)  # the report has to be answered before the release
    association.release()
server.shutdown()
