"""Where the files of a Kaggle competition can be had, for a user who has accepted its rules.

The kaggle package finds the credentials and asks; the transfer is ours. Its own downloader
writes under the final name, knows no checksum, and replaces what it has by the page of an
error when the signed address has expired.
"""

__all__ = ["locate_competition"]

import io
from contextlib import redirect_stdout
from typing import Any

from actsense.errors import ConfigError
from actsense.store.download import InterruptedDownloadError, Remote

PAGE = "https://www.kaggle.com/competitions"


def locate_competition(competition: str) -> Remote:
    """Ask Kaggle for the archive of all files of a competition.

    Credentials come from `KAGGLE_API_TOKEN`, from `KAGGLE_USERNAME` and `KAGGLE_KEY`, or from
    the files of the kaggle package. They appear in no message.

    Arguments:
        competition: The last part of its address.

    Raises:
        ConfigError: If credentials are missing or refused, or the rules are not accepted.
        InterruptedDownloadError: If Kaggle does not answer as it should.
    """
    try:
        with redirect_stdout(io.StringIO()):  # the package prints, and requests if VERBOSE is set
            return _asked(competition)
    except SystemExit:
        raise ConfigError(_credentials("no valid ones were found")) from None
    except ImportError as error:
        raise ConfigError(f"dataset: the package kaggle cannot be imported ({error}).") from None
    except Exception as error:  # of requests and kaggle; the text may hold signed addresses
        response = getattr(error, "response", None)
        status = getattr(response, "status_code", None)
        if getattr(response, "history", None):  # the storage behind Kaggle, not Kaggle
            status = None
        if status == 401:
            raise ConfigError(_credentials("Kaggle does not accept them")) from None
        if status == 403:
            raise ConfigError(
                f"Kaggle refuses {competition} (403): accept the rules at "
                f"{PAGE}/{competition}/rules, with the account that the credentials belong to. "
                "Then run again."
            ) from None
        reason = f"Kaggle: {type(error).__name__}" + (f" {status}" if status else "")
        raise InterruptedDownloadError(reason) from None


def _asked(competition: str) -> Remote:
    import kaggle  # authenticates as it is imported, which nothing else here needs
    from kagglesdk.competitions.types.competition_api_service import ApiDownloadDataFilesRequest

    api: Any = kaggle.api
    # With --verbose, which the variable VERBOSE sets, it would read the whole archive to print it.
    api.args = [argument for argument in api.args if argument != "--verbose"]
    api.authenticate()
    request = ApiDownloadDataFilesRequest()
    request.competition_name = competition
    with api.build_kaggle_client() as client:
        service = client.competitions.competition_api_client
        with service.download_data_files(request) as response:  # its body is not read
            return Remote(response.url, response.request.headers.get("Authorization"))


def _credentials(found: str) -> str:
    return (
        f"Kaggle credentials: {found}. Set KAGGLE_API_TOKEN, or KAGGLE_USERNAME and KAGGLE_KEY, "
        "in the environment, or save a token from https://www.kaggle.com/settings/api as "
        "~/.kaggle/access_token; never write them into the configuration of a study."
    )
