"""Files in the form that a mail tool imports, with its limits kept.

======================  ======================================================================================
layout                  files
======================  ======================================================================================
klaviyo                 bodies for Klaviyo's Bulk Import Profiles API
klaviyo-catalog         a feed of the items that a send speaks of, for Klaviyo's custom catalog
braze                   CSV for Braze's user import
mailchimp               CSV for Mailchimp's import of contacts, with merge fields
======================  ======================================================================================

Each module says which limits it keeps and where they are written. What does not fit is split into several files, or
shortened; what cannot be shortened, an address, is left out. How much of it there was stands in the manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from serving.campaigns.layouts import braze, klaviyo, klaviyo_catalog, mailchimp
from serving.campaigns.layouts.layout import Layout, Setting

CATALOGUE = "klaviyo-catalog"

LAYOUTS: Mapping[str, Callable[[Setting], Layout]] = MappingProxyType(
    {
        "klaviyo": klaviyo.Profiles,
        CATALOGUE: klaviyo_catalog.Feed,
        "braze": braze.Attributes,
        "mailchimp": mailchimp.Contacts,
    }
)

STEMS: Mapping[str, str] = MappingProxyType(
    {
        "klaviyo": klaviyo.STEM,
        CATALOGUE: klaviyo_catalog.STEM,
        "braze": braze.STEM,
        "mailchimp": mailchimp.STEM,
    }
)
"""How the names of a layout's files begin, before the number."""

NEEDS: Mapping[str, Callable[[Mapping[str, str]], None]] = MappingProxyType(
    {"mailchimp": mailchimp.refuse_without_addresses}
)
"""What a layout asks of the email addresses by user, before anything is made for it."""
