"""After a crash in the middle of an embed: a photo that is there in its new form is known again."""

from dataclasses import replace
from pathlib import Path

from album.errors import MediaError
from album.files.scan import content_hash
from db.library import Library
from db.tags.tagged import PENDING, follow_content, pending_rows, save_tagged


def finish_interrupted_embeds(library: Library) -> int:
    """Finish what a crash has left between a photo and the library; return how many photos.

    A photo whose new content was remembered, and which has that content, took its place before the
    crash: the library follows. Another one did not; it is as it was.
    """
    pending = pending_rows(library)
    for row in pending:
        try:
            found = content_hash(row.path)
            status = Path(row.path).stat()
        except (MediaError, OSError):
            continue  # its disk may be back another time
        if found == row.content_hash:
            follow_content(library, row, status.st_size, status.st_mtime_ns)
        else:
            written = {key: value for key, value in row.written.items() if key != PENDING}
            save_tagged(library, [replace(row, content_hash=found, written=written)])
    return len(pending)
