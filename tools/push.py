"""Push the outputs of this version and of every run in the cache to a DVC remote.

Run `python -m tools.push [REMOTE]`. `dvc push --run-cache` sends the records of runs, but not the
metrics and plot tables that Git keeps, without which another clone restores no stage that has some.
Objects go first: a push that is cut leaves no record of a run whose outputs are missing, and the
next one goes on where it stopped.
"""

import sys
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo

from facemask.errors import UserError, one_line_errors


def push(remote: str | None) -> int:
    """Push all to a remote, the default one for None; return how many objects were sent.

    Raises:
        UserError: there is no such remote, or it cannot be written; says why.
    """
    with Repo() as repository:
        try:
            sent: int = repository.push(remote=remote)
            records = Path(repository.stage_cache.cache_dir).glob("*/*/*")
            runs = [(record.parent.name, record.name) for record in records]
            for objects in repository.stage_cache.get_used_objs(runs).values():
                result = repository.cloud.push(objects, remote=remote)
                if result.failed:
                    raise UserError(f"{len(result.failed)} objects could not be pushed")
                sent += len(result.transferred)
            repository.stage_cache.push(remote)
        except (DvcException, OSError) as error:
            raise UserError(f"{remote or 'default remote'}: {error}") from error
    return sent


if __name__ == "__main__":
    with one_line_errors("push"):
        print(f"{push(next(iter(sys.argv[1:]), None))} objects pushed")
