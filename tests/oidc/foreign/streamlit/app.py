"""A Streamlit application that signs people in by `st.login`, by its chapter "User authentication"."""

import json

import streamlit as st

if not st.user.is_logged_in:
    st.text(json.dumps({"signed_in": False}))
    if st.query_params.get("start") == "login":
        st.login()
else:
    told = {claim: st.user[claim] for claim in ("email", "name", "sub")}
    st.text(json.dumps({"signed_in": True} | told))
    if st.query_params.get("start") == "logout":
        st.logout()
