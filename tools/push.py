"""Push the outputs of this version and of every run in the run cache to a DVC remote.

Run `python -m tools.push [REMOTE]`. `dvc push --run-cache` is not enough: it leaves out the metrics
and plot tables that Git tracks, so that another clone cannot restore the stages that write them.
The records in the run cache are pushed last, so that an interrupted push leaves no record without
its outputs. The next push continues.
"""

import sys
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo

from facemask.errors import UserError, one_line_errors


def push(remote: str | None) -> int:
    """Push everything to a remote, or to the default remote; return the number of objects."""
    with Repo() as repository:
        try:
            pushed: int = repository.push(remote=remote)
            records = Path(repository.stage_cache.cache_dir).glob("*/*/*")
            runs = [(record.parent.name, record.name) for record in records]
            for objects in repository.stage_cache.get_used_objs(runs).values():
                result = repository.cloud.push(objects, remote=remote)
                if result.failed:
                    raise UserError(f"{len(result.failed)} objects could not be pushed")
                pushed += len(result.transferred)
            repository.stage_cache.push(remote)
        except (DvcException, OSError) as error:
            raise UserError(f"{remote or 'default remote'}: {error}") from error
    return pushed


if __name__ == "__main__":
    with one_line_errors("push"):
        print(f"{push(next(iter(sys.argv[1:]), None))} objects pushed")
