"""Archive of pynetdicom that is asked for storage commitment.

commitment_scp.py PORT NODE_PORT same|new
It stores whatever comes. Its first report says that it does not have the first instance asked about; all later ones commit to
everything. "same" reports on the association of the request, "new" on one of its
own, seconds later, as SCP by role selection. A line is printed for
each C-STORE, each request, and each answer to a report.
"""

import sys
import threading
import time

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, StoragePresentationContexts, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel

port, node_port, mode = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
INSTANCE = "1.2.840.10008.1.20.1.1"
requests = 0


def say(text):
    print(text, flush=True)


def on_store(event):
    say("store %s" % event.request.AffectedSOPInstanceUID)
    return 0x0000


def report_of(request, first):
    report = Dataset()
    report.TransactionUID = request.TransactionUID
    items = list(request.ReferencedSOPSequence)
    if first:
        failed = items.pop(0)
        failed.FailureReason = 0x0112
        report.FailedSOPSequence = [failed]
    if items:
        report.ReferencedSOPSequence = items
    return report, 2 if first else 1


def on_action(event):
    global requests
    requests += 1
    request = event.action_information
    say("asked about %d, called %s" % (len(request.ReferencedSOPSequence), event.assoc.acceptor.primitive.called_ae_title))
    report, event_type = report_of(request, requests == 1)
    if mode == "same":
        threading.Timer(0.5, tell, (event.assoc, report, event_type)).start()
    else:
        threading.Timer(3, call, (report, event_type)).start()
    return 0x0000, None


def tell(association, report, event_type):
    status, _ = association.send_n_event_report(report, event_type, StorageCommitmentPushModel, INSTANCE)
    say("answer %04XH" % status.Status)


def call(report, event_type):
    ae = AE(ae_title="ARCHIVE")
    ae.add_requested_context(StorageCommitmentPushModel)
    for _ in range(60):
        role = build_role(StorageCommitmentPushModel, scp_role=True)
        association = ae.associate("127.0.0.1", node_port, ae_title="JCS_OUT", ext_neg=[role])
        if association.is_established:
            tell(association, report, event_type)
            association.release()
            return
        time.sleep(1)


ae = AE(ae_title="ARCHIVE")
for context in StoragePresentationContexts:
    ae.add_supported_context(context.abstract_syntax, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
ae.add_supported_context(StorageCommitmentPushModel)
ae.start_server(("127.0.0.1", port), block=True, evt_handlers=[(evt.EVT_C_STORE, on_store), (evt.EVT_N_ACTION, on_action)])
