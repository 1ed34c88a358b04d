"""A DICOM peer made of pynetdicom that tests drive: one JSON request a line on stdin, one JSON answer a line on stdout.

Requests name a method of Peer in "do"; the other members are its arguments. An answer is {"ok": ...} or {"error": "..."}.
Data sets travel as bytes: what is sent is what the file holds after its meta information, what is received is digested unread.
"""

import hashlib
import json
import sys
import time
from io import BytesIO

from pydicom.dataset import Dataset
from pydicom.datadict import dictionary_VR
from pydicom.tag import Tag
from pynetdicom import AE, build_role, evt
from pynetdicom.dimse_primitives import C_STORE

VERIFICATION = "1.2.840.10008.1.1"
MODELS = {
    "patient": {"find": "1.2.840.10008.5.1.4.1.2.1.1", "move": "1.2.840.10008.5.1.4.1.2.1.2", "get": "1.2.840.10008.5.1.4.1.2.1.3"},
    "study": {"find": "1.2.840.10008.5.1.4.1.2.2.1", "move": "1.2.840.10008.5.1.4.1.2.2.2", "get": "1.2.840.10008.5.1.4.1.2.2.3"},
}
COMMITMENT = "1.2.840.10008.1.20.1"
COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
# An association has at most 128 presentation contexts; one is kept for the query/retrieve model.
STORAGE_CONTEXTS = 120
UNCOMPRESSED = ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"]


class Peer:
    def __init__(self):
        self.stored = []
        self.reports = []
        self.holdSeconds = 0
        self.server = None

    def listen(self, aeTitle, contexts, port=0):
        """Starts the one listener: contexts are [SOP class, [transfer syntaxes]]."""
        ae = AE(ae_title=aeTitle)
        ae.maximum_associations = 50
        ae.add_supported_context(VERIFICATION)
        for sop_class, syntaxes in contexts:
            ae.add_supported_context(sop_class, syntaxes)
        # Who reports on storage commitment takes the SCP role, though it opens the association.
        ae.add_supported_context(COMMITMENT, UNCOMPRESSED, scu_role=False, scp_role=True)
        handlers = [(evt.EVT_C_STORE, self._keep), (evt.EVT_N_EVENT_REPORT, self._keep_report)]
        self.server = ae.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)
        return {"port": self.server.server_address[1]}

    def stopListening(self):
        self.server.shutdown()
        return {}

    def hold(self, seconds):
        """Lets whoever reports wait for the answer."""
        self.holdSeconds = seconds
        return {}

    def commit(self, to, transactionUid, references, calling):
        """Asks for storage commitment of [SOP class, SOP instance] pairs."""
        request = Dataset()
        request.TransactionUID = transactionUid
        request.ReferencedSOPSequence = [_reference(*each) for each in references]
        with _Association(to, calling, [(COMMITMENT, UNCOMPRESSED)]) as association:
            response, _ = association.send_n_action(request, 1, COMMITMENT, COMMITMENT_INSTANCE)
            return _status(response)

    def reported(self):
        """The reports on storage commitment since the last call."""
        reports, self.reports = self.reports, []
        return reports

    def _keep_report(self, event):
        information = event.event_information
        self.reports.append({
            "eventTypeId": event.event_type,
            "calling": event.assoc.requestor.ae_title,
            "information": information.to_json_dict(),
        })
        time.sleep(self.holdSeconds)
        return 0x0000, None

    def received(self):
        """What came by C-STORE since the last call."""
        stored, self.stored = self.stored, []
        return stored

    def _keep(self, event):
        data_set = event.encoded_dataset(include_meta=False)
        self.stored.append({
            "sopClassUid": event.request.AffectedSOPClassUID,
            "sopInstanceUid": event.request.AffectedSOPInstanceUID,
            "transferSyntaxUid": event.context.transfer_syntax,
            "sha256DataSet": hashlib.sha256(data_set).hexdigest(),
            "sizeBytes": len(data_set),
            "originator": event.request.MoveOriginatorApplicationEntityTitle,
        })
        return 0x0000

    def echo(self, to, calling="PYNETDICOM"):
        with _Association(to, calling, [(VERIFICATION, ["1.2.840.10008.1.2"])]) as association:
            return {"status": association.send_c_echo().Status}

    def store(self, to, files, calling="PYNETDICOM"):
        """Sends data sets of Part 10 files, each {path, offset, sopClassUid, sopInstanceUid, transferSyntaxUid}."""
        results = []
        for group in _groups(files):
            with _Association(to, calling, [(sop_class, [syntax]) for sop_class, syntax in dict.fromkeys(map(_context, group))]) as association:
                results += [{"path": file["path"], **_store_one(association, file)} for file in group]
        return results

    def find(self, to, level, keys, model="study", calling="PYNETDICOM", cancelAfter=None):
        with _Association(to, calling, [(MODELS[model]["find"], UNCOMPRESSED)]) as association:
            matches, status = [], None
            for response, identifier in association.send_c_find(_identifier(level, keys), MODELS[model]["find"]):
                status = _status(response)
                if identifier is not None:
                    matches.append(identifier.to_json_dict(suppress_invalid_tags=True))
                    if len(matches) == cancelAfter:
                        association.send_c_cancel(1, query_model=MODELS[model]["find"])
            return {"status": status, "matches": matches}

    def get(self, to, level, keys, contexts, model="study", calling="PYNETDICOM"):
        """contexts are [SOP class, [transfer syntaxes]]; all in one association."""
        self.stored = []
        proposed = [(MODELS[model]["get"], UNCOMPRESSED), *contexts]
        roles = [build_role(sop_class, scp_role=True) for sop_class in dict.fromkeys(sop_class for sop_class, _ in contexts)]
        handlers = [(evt.EVT_C_STORE, self._keep)]
        with _Association(to, calling, proposed, ext_neg=roles, evt_handlers=handlers) as association:
            final = _final(association.send_c_get(_identifier(level, keys), MODELS[model]["get"]))
        return {**final, "received": self.received()}

    def move(self, to, level, keys, destination, model="study", calling="PYNETDICOM"):
        with _Association(to, calling, [(MODELS[model]["move"], UNCOMPRESSED)]) as association:
            return _final(association.send_c_move(_identifier(level, keys), destination, MODELS[model]["move"]))


class _Association:
    """An established association to {"port", "aeTitle"}; leaving it releases it."""

    def __init__(self, to, calling, contexts, **options):
        ae = AE(ae_title=calling)
        ae.dimse_timeout = ae.network_timeout = 60
        for sop_class, syntaxes in contexts:
            ae.add_requested_context(sop_class, syntaxes)
        self.association = ae.associate("127.0.0.1", to["port"], ae_title=to["aeTitle"], **options)

    def __enter__(self):
        if not self.association.is_established:
            rejected = self.association.acceptor.primitive
            raise RuntimeError(f"no association: {getattr(rejected, 'result_str', 'no answer')}")
        return self.association

    def __exit__(self, *_):
        if self.association.is_established:
            self.association.release()


def _reference(sop_class, sop_instance):
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = sop_instance
    return item


def _context(file):
    return file["sopClassUid"], file["transferSyntaxUid"]


def _groups(files):
    """Consecutive groups of at most STORAGE_CONTEXTS different contexts."""
    group, contexts = [], set()
    for file in files:
        if _context(file) not in contexts and len(contexts) == STORAGE_CONTEXTS:
            yield group
            group, contexts = [], set()
        group.append(file)
        contexts.add(_context(file))
    if group:
        yield group


def _store_one(association, file):
    """send_c_store without its look into the file: the meta information of some real files contradicts the data set."""
    with open(file["path"], "rb") as stream:
        stream.seek(file["offset"])
        data_set = stream.read()
    request = C_STORE()
    request.MessageID = 1
    request.Priority = 2
    request.AffectedSOPClassUID = file["sopClassUid"]
    request.AffectedSOPInstanceUID = file["sopInstanceUid"]
    request.DataSet = BytesIO(data_set)
    try:
        context = association._get_valid_context(file["sopClassUid"], file["transferSyntaxUid"], "scu", allow_conversion=False)
    except ValueError as error:
        return {"status": None, "comment": str(error)}
    # As send_c_store does: the reactor must rest, or it takes the response for a request.
    association._reactor_checkpoint.clear()
    while not association._is_paused:
        time.sleep(0.0001)
    association.dimse.send_msg(request, context.context_id)
    _, response = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    if response is None:
        return {"status": None, "comment": "no response"}
    return {"status": response.Status, "comment": response.ErrorComment or ""}


def _status(response):
    if "Status" not in response:
        return {"status": None, "comment": "no response"}
    return {"status": response.Status, "comment": str(response.get("ErrorComment", ""))}


def _final(responses):
    counters, pending, identifier, status = {}, 0, None, None
    for response, failed in responses:
        status = _status(response)
        pending += status["status"] == 0xFF00
        identifier = failed or identifier
        for name in ("Remaining", "Completed", "Failed", "Warning"):
            counters[name.lower()] = response.get(f"NumberOf{name}Suboperations")
    failed_uids = identifier.get("FailedSOPInstanceUIDList") if identifier is not None else None
    if failed_uids is not None:
        failed_uids = [failed_uids] if isinstance(failed_uids, str) else list(failed_uids)
    return {"status": status, "pending": pending, "failedUids": failed_uids, **counters}


def _identifier(level, keys):
    """keys are hex tag → text, or [] of such items for a sequence."""
    data_set = Dataset()
    data_set.QueryRetrieveLevel = level
    for tag, value in keys.items():
        _add(data_set, tag, value)
    return data_set


def _add(data_set, tag, value):
    vr = dictionary_VR(Tag(tag)).split(" or ")[0]
    if vr == "SQ":
        items = []
        for item_keys in value:
            item = Dataset()
            for item_tag, item_value in item_keys.items():
                _add(item, item_tag, item_value)
            items.append(item)
        value = items
    data_set.add_new(Tag(tag), vr, value)


def main():
    peer = Peer()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": getattr(peer, request.pop("do"))(**request)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


main()
