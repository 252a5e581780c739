"""The SmartStore object: its types, defaults and validation; the CRD is generated from them."""
