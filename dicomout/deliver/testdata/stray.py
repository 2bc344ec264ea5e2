"""A storage SCP (pynetdicom) on the port of the first argument that answers for another SOP Instance or Class than it was sent.

The second argument is AffectedSOPInstanceUID or AffectedSOPClassUID, the third what stands there in every response to an instance whose
UID ends as the fourth says.
"""
import sys

from pydicom.dataset import Dataset
from pynetdicom import AE, StoragePresentationContexts, evt


def main(port, element, value, ending):
    def stored(event):
        answer = Dataset()
        answer.Status = 0
        if str(event.request.AffectedSOPInstanceUID).endswith(ending):
            setattr(answer, element, value)
        return answer

    ae = AE()
    ae.supported_contexts = StoragePresentationContexts
    ae.start_server(("127.0.0.1", int(port)), block=True, evt_handlers=[(evt.EVT_C_STORE, stored)])


main(*sys.argv[1:])
