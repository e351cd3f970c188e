//! Bytes to test TLS with: real handshakes, and a builder for those that nobody recorded.
//!
//! In: nothing. Out: bytes. Must not know: what the tests make of them.
//!
//! The recorded ones are OpenSSL 3.0's, client and server, made for this purpose.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use base64::Engine as _;

use crate::evidence::signature::Prefix;

pub(super) const CCS: &[u8] = &[1];

pub(super) fn prefix(bytes: &[u8]) -> Prefix<'_> {
    Prefix { bytes, from_start: true, ended: false }
}

/// Bytes written in base64, over several lines.
pub(super) fn decode(text: &str) -> Vec<u8> {
    let text: String = text.split_whitespace().collect();
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

pub(super) fn record(kind: u8, version: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap();
    [&[kind], &version.to_be_bytes()[..], &length.to_be_bytes(), payload].concat()
}

pub(super) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[kind], &length[1..], body].concat()
}

pub(super) fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap();
    [&kind.to_be_bytes()[..], &length.to_be_bytes(), body].concat()
}

/// The server_name extension (RFC 6066 §3).
pub(super) fn server_name(name: &str) -> Vec<u8> {
    let length = u16::try_from(name.len()).unwrap();
    let entry = [&[0], &length.to_be_bytes()[..], name.as_bytes()].concat();
    extension(0, &[&(length + 3).to_be_bytes()[..], &entry].concat())
}

fn with_extensions(body: Vec<u8>, extensions: &[Vec<u8>]) -> Vec<u8> {
    if extensions.is_empty() {
        return body;
    }
    let list = extensions.concat();
    [body, u16::try_from(list.len()).unwrap().to_be_bytes().to_vec(), list].concat()
}

/// A ClientHello message.
pub(super) fn client_hello(version: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
    let body = [&version.to_be_bytes()[..], &[0x5a; 32], &[0], &[0, 4, 0xc0, 0x2f, 0, 0x2f], &[1, 0]].concat();
    message(1, &with_extensions(body, extensions))
}

/// A ServerHello message.
pub(super) fn server_hello(version: u16, suite: u16, extensions: &[Vec<u8>]) -> Vec<u8> {
    let body = [&version.to_be_bytes()[..], &[0xa5; 32], &[0], &suite.to_be_bytes(), &[0]].concat();
    message(2, &with_extensions(body, extensions))
}

/// A Certificate message.
pub(super) fn certificates(list: &[&[u8]]) -> Vec<u8> {
    let sized = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[1..], bytes].concat();
    let list: Vec<u8> = list.iter().flat_map(|der| sized(der)).collect();
    message(11, &sized(&list))
}

/// A CertificateRequest message of TLS 1.2 whose list of names has so many bytes (RFC 5246 §7.4.4).
pub(super) fn certificate_request(names: usize) -> Vec<u8> {
    let head = [&[2, 1, 64][..], &[0, 4, 4, 1, 4, 3]].concat();
    let names = [&u16::try_from(names).unwrap().to_be_bytes()[..], &vec![0x30; names]].concat();
    message(13, &[head, names].concat())
}

/// TLS 1.2, mutual: the client up to Finished.
pub(super) const MUTUAL_CLIENT: &str = "
    FgMBALwBAAC4AwNiF0Svlgyk7CBn73sUq0evUr/7Krydrl3YVZRpwfK2BQAAIsAswDDAr8CtwCvAL8CuwKzAJMAowCPAJ8AKwBTACcATAP8BAABtAA
    AAFwAVAAASZmUwMS5jb250b3NvLmxvY2FsAAsABAMAAQIACgAMAAoAHQAXAB4AGQAYACMAAAAWAAAAFwAAAA0AKgAoBAMFAwYDCAcICAgJCAoICwgE
    CAUIBgQBBQEGAQMDAwEDAgQCBQIGAhYDAwGrCwABpwABpAABoTCCAZ0wggFDoAMCAQICFCPXWxgKEyLQ6Ll+yhxTjjJ6T7/NMAoGCCqGSM49BAMCMC
    QxIjAgBgNVBAMMGW1lZGlhdGlvbjAxLmNvbnRvc28ubG9jYWwwHhcNMjYxMTIyMTMzNDU5WhcNMzYxMTE5MTMzNDU5WjAkMSIwIAYDVQQDDBltZWRp
    YXRpb24wMS5jb250b3NvLmxvY2FsMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEORtvBn6KVL2juRV5M1BIgwQp7vQwNrTJ7cEEw41GY5ijhIgVAz
    DanWJOH/esxuniYX6h1i8WKNYF38To6KH6gKNTMFEwHQYDVR0OBBYEFKIt3nUQP9acGfjB+s7VCxp9PnXIMB8GA1UdIwQYMBaAFKIt3nUQP9acGfjB
    +s7VCxp9PnXIMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgVvOM6oG9aWOvjhrf0nc4cXsL+c7+He3MI2Ti2uPMvngCIQCpAAW6Pk
    nvC8/1VMohaHppzbjPeSNz33r+BSphEOSgkhYDAwAlEAAAISD9X7SSZtye/MkM3+Zf6lOPMJIsdDUVY89cY2fmRHr9VxYDAwBQDwAATAQDAEgwRgIh
    ANqomkZBO+mQm9YkM0jkF7klshv5qf+TjBpDDhaXiajKAiEAxy0d/qXiVbZXtPmwqz60VGJMAkzHP3gVVKgnA/IMxdkUAwMAAQEWAwMAKIw0IY/F79
    XH4+hrnCXI7zD8cRy8ujmY+AMlVPadeVEX3OQOBgSjKPM=
";

/// TLS 1.2, mutual: the server up to Finished, and its first encrypted record.
pub(super) const MUTUAL_SERVER: &str = "
    FgMDAEECAAA9AwNiljVdO0YgvKmqpe4DDX7DXfgYnpfmViGZZU/+J2IwlADALAAAFf8BAAEAAAsABAMAAQIAIwAAABcAABYDAwKSCwACjgACiwACiD
    CCAoQwggIpoAMCAQICFCZvhsR4GyOIemw210N57T5NU46zMAoGCCqGSM49BAMCMHExFTATBgoJkiaJk/IsZAEZFgVsb2NhbDEXMBUGCgmSJomT8ixk
    ARkWB2NvbnRvc28xFjAUBgNVBAoMDUNvbnRvc28sIEx0ZC4xJzAKBgNVBAsMA09wczAZBgNVBAMMEmZlMDEuY29udG9zby5sb2NhbDAeFw0yNjExMj
    IxMzM0NTlaFw0zNjExMTkxMzM0NTlaMHExFTATBgoJkiaJk/IsZAEZFgVsb2NhbDEXMBUGCgmSJomT8ixkARkWB2NvbnRvc28xFjAUBgNVBAoMDUNv
    bnRvc28sIEx0ZC4xJzAKBgNVBAsMA09wczAZBgNVBAMMEmZlMDEuY29udG9zby5sb2NhbDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABG5ECnJUQz
    M4k+M/iaUGT1dyXLuo6SNtZ+P7Iqrem/C5d9L1ZVG1YCHTi9fgsu0Ntrur3IPiYcr78NPZIATY2uajgZ4wgZswHQYDVR0OBBYEFM8FUxbc/7b7jCuY
    x/OSy2cR8JJZMB8GA1UdIwQYMBaAFM8FUxbc/7b7jCuYx/OSy2cR8JJZMA8GA1UdEwEB/wQFMAMBAf8wSAYDVR0RBEEwP4ISZmUwMS5jb250b3NvLm
    xvY2FsghFzaXAuY29udG9zby5sb2NhbIcECgAAC4cQIAENuAAAAAAAAAAAAAAAATAKBggqhkjOPQQDAgNJADBGAiEA8cmrdtqkSNVW8hlmzpTk9Bcx
    cTQm90KtyPtNuI8I+7UCIQCOSr5sybf5KB8SKiwD0EOLfL/kYbmd4P6I7anJe3BVgBYDAwBzDAAAbwMAHSBIe4pb9UGjiCV6MI6jCz09LOdaUhG98m
    Qea1SHFxPkMQQDAEcwRQIgXOyDjTdfyjPvQq2WTJgK1eGSoDwF3ZuHSGLTOb4TynMCIQCdeOVuwKPVjaYM+bZuXNvX6vOXLC6ZmHn/iAWbtFI8xxYD
    AwA0DQAAMAMBAkAAKAQDBQMGAwgHCAgICQgKCAsIBAgFCAYEAQUBBgEDAwMBAwIEAgUCBgIAABYDAwAEDgAAABYDAwJaBAACVgAAHCACUAWvamM1MW
    yjNSoqAfTWy+TKf1xwBig3e1EjH2ycNRwI5FSmneZvvLzM9Rh+VW7khkBBOQCDsZV40Nqcr/lpgAFIcteNMi3mifPfcR4ag73PJ2AtoIXqSd/6evFl
    TgMQVxc+cXmiE70RHale0ItFzupq2wH/JjUfWBARHIdhWBPPzWQrbgBv6vC3at0EkPE71+Ap+uBPZoCKov6yCi9ik6fEAAt+VXGbOUvAsF0PONTm8H
    m3JjeC81aV2+KtpTxxnVQIwaOj4cG+57GFQ3fwFPj0+N9do1Zn1WiZXLjalGwjmZKCo8MMfQn6elNLQkbKr+tLIxkAWueAzFCaM/nxtCui2yj50q2O
    1WPJsryQzxouINTcKua0LCezzGQDfSz7O6jJPu6pINd0pi27fGLYJuTk+kzfybGv1EnnIp0GQHM6KqJRFGDBoObD52BF/pFtPN9ZpKj4LK+ce2gjfW
    tcuI2vqAiE81iIpD4Ib9VcuLR381IOpdY1ii+oFSLHUHkE71hadCaREPOlIr4uukZGuw3BhDLGQvbvs7/9fDsY6lDM2YkL4k8nXln9SbFFL/HPMW8G
    bRfx4dhLF+6ASPDF9WCCwnLc7JRFC4AAoddzOPaWV971x4v76YniGnAO0cfBpHmjXMa+CKfKqJ4KEhODbi1Ev0kxp714poDSYxmq9SCoPlPJbtJ7Mv
    TVMJ1UQkfbKptEXk+ZyRedztRoxKogA+lOszTaGgpxQNrwpPIse6x9xAjyZgG/Ryt777vUAbDc/kCYaBvprTALU1AJOV/MoxAUAwMAAQEWAwMAKPnv
    MycK+4JIKgb2XFBJQ4nYEKEoNiB52+pCmAYwrb1gaLN8qsFK8KwVAwMAGvnvMycK+4JJJchi+cEsDQSOZBIsc3NiijUb
";

/// TLS 1.0, resumed by a ticket.
pub(super) const RESUMED_CLIENT: &str = "
    FgMBASUBAAEhAwHjPbaK+OiyoR3mPIUHVNpCfL1Ftv1vfEfzmJ/LZyanOCBKtzF/kSyV2sKAsZcnYl2muU3uAuy2yJWU2mFYwscGeAAEwAkA/wEAAN
    QACwAEAwABAgAKAAwACgAdABcAHgAZABgAIwCw9REB/RNlAzIjGrv5tSOJfFha53ufe6moCkqpShNi3LkyL7TkZJ2nctQR3Sl3uVfKMWgAVkis3QH2
    XS8Uvb8zy/FWXMqwAr1wI+nBJWmmKHRmRf0ZRh6HCc3USmwtt1WCLsZ6ff+tWlrZaPjUCyVuiJOSx220b7KqXghaE19sLK8gwY9VW70+UjEIHzrGEu
    zz/IlSGTjtBniP1d56+oP75XJ/v9h+RJxlHV28GMBB5pcAFgAAABcAABQDAQABARYDAQA0ZxDm+Vdx9+MkpBEDivIMKHuH/OyjUp+zsO/xQg91Olqu
    Nyr5uPC8zCF3UZSa2RGwPwapDhUDAQAkTawEeHR5dkh2Z9ZOnQnUdquunRBIjJ739HSodR6g8UQPyKBF
";

/// The server's side of it.
pub(super) const RESUMED_SERVER: &str = "
    FgMBAFkCAABVAwEp0arUBY9DbFFokd0VumrpH6JRPc2Pzs3GVcaUICE1dyBKtzF/kSyV2sKAsZcnYl2muU3uAuy2yJWU2mFYwscGeMAJAAAN/wEAAQ
    AAFgAAABcAABQDAQABARYDAQA0ap2a2cs/jVk55eBaNdQQVnNdwPSN/CkEwf1i+1PieJZ2JD1Vot6l97TynF4Pkciki7F8TRUDAQAkmtYgi79TO5+r
    SSRHZKyt7Mu4qWThILC4yEabQZ06mUXvKm0N
";

/// A ClientHello that offers 1.3, and ChangeCipherSpec.
pub(super) const HELLO_1_3: &str = "
    FgMBAU0BAAFJAwMdceShj//kCcJuABAEl04XV2y3ZzVWOQkBrtSaHNDBDiDNELgztb6xG1EEy67pKckG3R/LNL6Ob5oByFW5cb3h5gA+EwITAxMBwC
    zAMACfzKnMqMyqwCvALwCewCTAKABrwCPAJwBnwArAFAA5wAnAEwAzAJ0AnAA9ADwANQAvAP8BAADCAAAAFgAUAAARc2lwLmNvbnRvc28ubG9jYWwA
    CwAEAwABAgAKAAQAAgAXACMAAAAWAAAAFwAAAA0AKgAoBAMFAwYDCAcICAgJCAoICwgECAUIBgQBBQEGAQMDAwEDAgQCBQIGAgArAAkIAwQDAwMCAw
    EALQACAQEAMwBHAEUAFwBBBIrNp52bjCT7FWTfq9i5SaqAZt5E4hJXL8GZpyh6w7M5rHt9E9GJxU+MX4WWqB9oXioCcCUVYJlx+8LqzsL6eNoUAwMA
    AQE=
";

/// The ServerHello of 1.3, ChangeCipherSpec, and the first encrypted record.
pub(super) const SERVER_1_3: &str = "
    FgMDAJsCAACXAwPOn5GK+DXhcoGIMku0qRQ1B1pG7mqmuTzR1vILDyfQkiDNELgztb6xG1EEy67pKckG3R/LNL6Ob5oByFW5cb3h5hMCAABPACsAAg
    MEADMARQAXAEEEPcIKoU/4MXYcyFszwDnrcmgWEhcUb4Wo1BTyMmDwFXaVWMooyFZT0plcWfE7RQqQMa1xvxKeXoolk/C4CBZ8jBQDAwABARcDAwAx
    mvFfyKruLhcyu2YUaehxTkWU4Vz1p9GtVnBCu4FG7uS9RzfW+33lpcCSbDLFXgOq0Q==
";

/// Two ClientHellos of 1.3, of which the second answers a HelloRetryRequest.
pub(super) const RETRY_CLIENT: &str = "
    FgMBAMwBAADIAwMOPkGsCKEsSWUDK8xSBAl+UwswXmUXPOfK/UFHK7xKWiDxIKnMgbT++vFxJeOBG1mxy+fUs6p/8aIvBYliWIljHgAIEwITAxMBAP
    8BAAB3AAsABAMAAQIACgAGAAQAHQAXACMAAAAWAAAAFwAAAA0AHgAcBAMFAwYDCAcICAgJCAoICwgECAUIBgQBBQEGAQArAAMCAwQALQACAQEAMwAm
    ACQAHQAgbEXMnaRWd9/3lwTConjar9roExFKwiOI77cp2y7mjDgUAwMAAQEWAwMA7QEAAOkDAw4+QawIoSxJZQMrzFIECX5TCzBeZRc858r9QUcrvE
    paIPEgqcyBtP768XEl44EbWbHL59Szqn/xoi8FiWJYiWMeAAgTAhMDEwEA/wEAAJgACwAEAwABAgAKAAYABAAdABcAIwAAABYAAAAXAAAADQAeABwE
    AwUDBgMIBwgICAkICggLCAQIBQgGBAEFAQYBACsAAwIDBAAtAAIBAQAzAEcARQAXAEEEAiu8IjKUwIW7OT7dyBwW7ezrDyiPSEhQfSqD2JrlTDnHLS
    NSHnFZ/hrGMS21Bt0aAjNJ0mKWJTvb6Dw2vdPIxQ==
";

/// HelloRetryRequest, ChangeCipherSpec, ServerHello.
pub(super) const RETRY_SERVER: &str = "
    FgMDAFgCAABUAwPPIa105ZphEb4djAIeZbiRwqIRFnq7jF4HngniyKgznCDxIKnMgbT++vFxJeOBG1mxy+fUs6p/8aIvBYliWIljHhMCAAAMACsAAg
    MEADMAAgAXFAMDAAEBFgMDAJsCAACXAwM+50TE/UA+LTgiS+NajKpuiN2d4AUD09tIKwP02NMJaCDxIKnMgbT++vFxJeOBG1mxy+fUs6p/8aIvBYli
    WIljHhMCAABPACsAAgMEADMARQAXAEEEqUizNcnsI6XTVFyW25TY4bOpuMCNDyCeF6GVLaRJnANTgZ2ukIcQ5tJe9VQOrmLPkFkKHkYP6v/KJJXLJx
    k7hA==
";
