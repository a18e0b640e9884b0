"""Telling a failure of encryption from a failure of the network."""

import ssl


def is_tls_failure(error: BaseException | None) -> bool:
    """Whether a failure of TLS (an expired certificate, another name on it) lies somewhere below `error`."""
    while error is not None:
        if isinstance(error, ssl.SSLError | ssl.CertificateError):
            return True
        error = error.__cause__ or error.__context__
    return False


def certificate_fault(error: BaseException | None) -> str:
    """Why a certificate was not accepted ("certificate has expired"); empty where TLS failed for another reason."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return str(error.verify_message or "it cannot be verified").rstrip(".")
        error = error.__cause__ or error.__context__
    return ""
