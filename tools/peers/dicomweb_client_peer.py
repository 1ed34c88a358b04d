"""Stores, finds and fetches one study by Python's dicomweb-client. Arguments: base URL, Part 10 files of the study. Prints JSON."""

import json
import sys
import time

from dicomweb_client.api import DICOMwebClient
from pydicom import dcmread

url, *paths = sys.argv[1:]
client = DICOMwebClient(url)
sent = [dcmread(path) for path in paths]
first = sent[0]
study, series, instance = first.StudyInstanceUID, first.SeriesInstanceUID, first.SOPInstanceUID

stored = client.store_instances(sent)
# What is acknowledged is durable; queries follow within moments.
deadline = time.monotonic() + 15
while len(client.search_for_instances(study)) < len(sent) and time.monotonic() < deadline:
    time.sleep(0.05)
found = client.search_for_studies(search_filters={"PatientID": first.PatientID}, fields=["StudyDescription"])
paged = client.search_for_instances(study, limit=1, get_remaining=True)
metadata = client.retrieve_series_metadata(study, series)
bulk_uri = metadata[0]["7FE00010"]["BulkDataURI"]
fetched = client.retrieve_study(study)

print(json.dumps({
    "stored": len(stored.ReferencedSOPSequence),
    "refused": len(stored.get("FailedSOPSequence", [])),
    "foundStudies": [match["0020000D"]["Value"][0] for match in found],
    "description": found[0]["00081030"]["Value"][0],
    "series": len(client.search_for_series(study)),
    "instances": len(client.search_for_instances(study)),
    "paged": len({match["00080018"]["Value"][0] for match in paged}),
    "emptySearch": client.search_for_studies(search_filters={"PatientID": "nobody"}),
    "studyMetadata": len(client.retrieve_study_metadata(study)),
    "seriesMetadata": len(metadata),
    "instanceMetadata": client.retrieve_instance_metadata(study, series, instance)["00080018"]["Value"][0],
    "fetchedPixelsEqual": sorted(each.PixelData for each in fetched) == sorted(each.PixelData for each in sent),
    "seriesFetched": len(client.retrieve_series(study, series)),
    "instanceEqual": client.retrieve_instance(study, series, instance) == first,
    "frameEqual": client.retrieve_instance_frames(study, series, instance, [1])[0] == first.PixelData,
    "bulkDataEqual": client.retrieve_bulkdata(bulk_uri)[0] == first.PixelData,
    "bulkRangeEqual": client.retrieve_bulkdata(bulk_uri, byte_range=(10, 19))[0] == first.PixelData[10:20],
}))
